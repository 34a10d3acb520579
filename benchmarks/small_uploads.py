"""Uploads of 1 KiB to new keys as jobs of `load.py`, and the start of a direct upload."""

import json

from .load import FRESH, Job
from .servers import SERVICE
from .stage import Stage
from .store import BUCKET
from .upload_ways import CONTENT_TYPE

CONTENT = "x" * 1024
BOUNDARY = "benchmark-boundary"


def raw_job(stage: Stage) -> Job:
    """Return a raw PUT."""
    headers = {**stage.authorization, "Content-Type": CONTENT_TYPE}
    return Job("PUT", f"{SERVICE}buckets/{BUCKET}/files/{FRESH}/", headers, CONTENT)


def form_job(stage: Stage) -> Job:
    """Return a POST of form-data."""
    headers = {**stage.authorization, "Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    return Job("POST", f"{SERVICE}file/upload/", headers, _form())


def start_job(stage: Stage) -> Job:
    """Return the POST that starts a direct upload, which needs no call to S3."""
    headers = {**stage.authorization, "Content-Type": "application/json"}
    body = {"bucket": BUCKET, "file_name": f"{FRESH}.bin", "size": len(CONTENT), "content_type": CONTENT_TYPE}
    return Job("POST", f"{SERVICE}uploads/", headers, json.dumps({**body, "strategy": "put"}))


def _form() -> str:
    part = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    fields = f'{part}"bucket"\r\n\r\n{BUCKET}\r\n{part}"file_name"\r\n\r\n{FRESH}\r\n'
    file = f'{part}"file"; filename="{FRESH}.bin"\r\nContent-Type: {CONTENT_TYPE}\r\n\r\n{CONTENT}\r\n'
    return f"{fields}{file}--{BOUNDARY}--\r\n"
