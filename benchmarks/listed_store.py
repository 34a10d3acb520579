"""An S3 that only lists generated objects, one for each record."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from s3_file_uploader.embedded import LOOPBACK

from .rows import ETAG, HALF, created_at, file_name

PAGE = (
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>{bucket}</Name><IsTruncated>{is_truncated}</IsTruncated>{next}{contents}</ListBucketResult>"
)
NEXT = "<NextContinuationToken>{}</NextContinuationToken>"
OBJECT = (
    "<Contents><Key>{name}</Key><LastModified>{changed_at}</LastModified><ETag>&quot;{etag}&quot;</ETag>"
    "<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)


@dataclass(frozen=True)
class Listed:
    """The objects of the given number of records in the bucket `HALF`. A fixed share of them is missing."""

    records: int
    one_gone_of: int

    @property
    def gone(self) -> int:
        """Return the number of missing objects."""
        return self.records // self.one_gone_of if self.one_gone_of else 0

    def page(self, bucket: str, start: int, at_most: int) -> str:
        """Return the listing after a key. Other buckets are empty."""
        end = self.records if bucket == HALF else 0
        stop = min(start + at_most, end)
        contents = "".join(_described(number) for number in range(start, stop) if not self._is_gone(number))
        more = stop < end
        return PAGE.format(
            bucket=bucket, is_truncated=str(more).lower(), next=NEXT.format(stop) if more else "", contents=contents
        )

    def _is_gone(self, number: int) -> bool:
        return bool(self.one_gone_of) and number % self.one_gone_of == self.one_gone_of - 1


def _described(place: int) -> str:
    user_id, number = 1 + place % 2, place // 2 * 2 + 1  # The rows of that bucket have odd numbers.
    changed_at = created_at(number).strftime("%Y-%m-%dT%H:%M:%SZ")
    return OBJECT.format(name=file_name(user_id, number), changed_at=changed_at, etag=ETAG, size=number)


@contextmanager
def listing(listed: Listed) -> Iterator[str]:
    """Serve until the block ends. Yield the URL."""
    with ThreadingHTTPServer((LOOPBACK, 0), partial(_Answers, listed)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}"
        server.shutdown()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, listed: Listed, *arguments: object) -> None:
        self._listed = listed
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Return a page of the listing."""
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        start, at_most = int(query.get("continuation-token", 0)), int(query["max-keys"])
        body = self._listed.page(address.path.strip("/"), start, at_most).encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        """Return 404."""
        self.send_response(HTTPStatus.NOT_FOUND)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""
