"""Uploads of 1 KiB, each to a key of its own, as jobs of `load.py`."""

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


def _form() -> str:
    part = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    fields = f'{part}"bucket"\r\n\r\n{BUCKET}\r\n{part}"file_name"\r\n\r\n{FRESH}\r\n'
    file = f'{part}"file"; filename="{FRESH}.bin"\r\nContent-Type: {CONTENT_TYPE}\r\n\r\n{CONTENT}\r\n'
    return f"{fields}{file}--{BOUNDARY}--\r\n"
