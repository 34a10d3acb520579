"""OpenTelemetry's own instrumentations show an upload as one trace, and no secret."""

import json
import re

import httpx
import pytest
from django.db import connection

from s3_file_uploader.values import mib
from tests.integration.conftest import token_of
from tests.support.documents import blocks_of
from tests.support.host import ROOT
from tests.support.served import WSGI, Served

PAGE = "docs/how-to/monitor.md"
SPAN = re.compile(r"^\{\n", re.MULTILINE)
PARTS = 2


@pytest.fixture
def traced(transactional_db, store, tmp_path):
    """Serve as the page says, with the instrumentation of the database of the tests."""
    (site := tmp_path / "mysite").mkdir()
    (tracing,) = blocks_of(PAGE, "python", "::test_upload_is_one_trace")
    if connection.vendor == "sqlite":
        tracing = tracing.replace("psycopg", "sqlite3").replace("Psycopg", "SQLite3")
    application = "\napplication = "
    wsgi = (ROOT / "modules" / "wsgi.py").read_text().replace(application, f"\nimport mysite.tracing\n{application}")
    for name, text in {"__init__": "", "tracing": tracing, "wsgi": wsgi}.items():
        (site / f"{name}.py").write_text(text)
    (excluded,) = re.findall(r"export (OTEL_\w+)=(\S+)", "".join(blocks_of(PAGE, "console")))
    variables = {"PYTHONPATH": str(tmp_path), **dict([excluded]), **store.environment()}
    with Served(tmp_path, ("gunicorn", "mysite.wsgi:application", *WSGI[2:]), **variables) as server:
        yield server


def spans_in(log):
    starts = [match.start() for match in SPAN.finditer(log)]
    return [json.JSONDecoder().raw_decode(log, start)[0] for start in starts]


def test_upload_is_one_trace(traced, user, bucket, settings):
    headers = {"Authorization": token_of(user)}
    content = b"x" * (mib(5) + 1)
    with httpx.Client(base_url=traced.url, headers=headers, timeout=60) as client:
        stored = client.put(f"buckets/{bucket}/files/traced.bin/", content=content)
        assert stored.status_code == 201, traced.log
        share = {"bucket": bucket, "file_name": "traced.bin"}
        link = client.post("shares/", json=share).raise_for_status().json()["url"]
        assert client.get(link).status_code == 302
    traced.__exit__()  # A worker that ends exports its last spans.
    spans = spans_in(traced.log)
    (request,) = [span for span in spans if span["kind"] == "SpanKind.SERVER" and span["name"].startswith("PUT ")]
    trace = [span for span in spans if span["context"]["trace_id"] == request["context"]["trace_id"]]
    names = [span["name"] for span in trace]
    assert names.count("S3.UploadPart") == PARTS  # Two threads send them.
    assert {"S3.CreateMultipartUpload", "S3.CompleteMultipartUpload", "INSERT", "UPDATE"} <= set(names)
    assert [span["name"] for span in spans if span["name"].startswith("S3.") and not span["parent_id"]] == []
    secret = link.rstrip("/").rpartition("/")[2]
    assert len(secret) > 20
    for text in (secret, token_of(user).removeprefix("Token "), settings.AWS_SECRET_ACCESS_KEY, "X-Amz-Signature"):
        assert text not in traced.log
