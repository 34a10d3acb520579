"""Direct uploads step by step, by a client that can repeat requests, and a helper that lets time pass."""

import time
import uuid
from collections import Counter
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlsplit

import httpx
from django.utils import timezone

from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import housekeeping_run
from tests.support.killing import NOTHING

CONTENT = b"0123456789" * 20_000
# Three parts for the content. This store accepts such small parts.
SMALL_PARTS = {"S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES": 80_000}
REMOVALS = {"abort", "delete"}
HOUR = timedelta(hours=1)


class Upload:
    """A direct upload. Each method sends a request and returns the response. `record` is the response of the start."""

    def __init__(self, http, straight, bucket, strategy="multipart", *, key=None, content=CONTENT):
        self.http, self.straight, self.bucket, self.strategy = http, straight, bucket, strategy
        self.key, self.content = key or uuid.uuid4().hex, content
        self.record = None

    @property
    def checksum(self):
        return sha256(self.content).hexdigest()

    def do(self, *requests):
        """Send each request, and assert that it succeeds."""
        for request in requests:
            answer = getattr(self, request)()
            assert answer.status_code < 300, answer.text
        return self

    def until_done(self, request):
        """Repeat a request until it succeeds. Other requests' claims on the upload expire meanwhile."""
        for attempt in range(40):
            try:
                answer = getattr(self, request)()
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code < 300 or (answer.status_code == 404 and request in REMOVALS):
                return
            assert answer.status_code == 409, answer.text
            assert attempt < 30, answer.text
            time_goes_by()
        raise AssertionError(f"No answer to {request}.")

    def start(self):
        body = {"bucket": self.bucket, "file_name": "file", "size": len(self.content), "strategy": self.strategy}
        if self.strategy == "put":
            body["checksum_sha256"] = self.checksum
        answer = self.http.post("uploads/", json=body, headers={"Idempotency-Key": self.key})
        self.record = answer.json() if answer.status_code == 201 else self.record
        return answer

    def send(self):
        transfer = self.record["transfer"]
        match self.strategy:
            case "put":
                return self.straight.put(transfer["url"], headers=transfer["headers"], content=self.content)
            case "post":
                form = {"data": transfer["fields"], "files": {"file": ("file", self.content)}}
                return self.straight.post(transfer["url"], **form)
        for part in transfer["parts"]:
            answer = self.send_part(part)
        return answer

    def send_part(self, part):
        return self.straight.put(part["url"], content=self.content[part["offset"] :][: part["size"]])

    def show(self):
        return self.http.get(f"uploads/{self.record['id']}/")

    def progress(self):
        return self.http.get(f"uploads/{self.record['id']}/parts/")

    def sign(self):
        return self.http.post(f"uploads/{self.record['id']}/parts/", json={"missing": True})

    def complete(self):
        return self.http.post(f"uploads/{self.record['id']}/complete/")

    def abort(self):
        return self.http.delete(f"uploads/{self.record['id']}/")

    delete = abort

    def give_up(self):
        """Abort like Uppy does. A completed upload stays."""
        key = {"key": self.record["file_name"]}
        return self.http.delete(f"uppy/s3/multipart/{self.record['id']}", params=key)

    def housekeeping(self):
        """Run housekeeping in the server, like cron, after all expirations."""
        time_goes_by()
        address = urlsplit(str(self.http.base_url))
        return self.http.post(f"{address.scheme}://{address.netloc}/housekeeping")


def time_goes_by():
    """Let all claims, URLs and uploads expire."""
    past, halfway = timezone.now() - HOUR, FileUpload.objects.filter(status__in=("pending", "deleting"))
    halfway.update(claimed_until=past, created_at=past)
    halfway.exclude(writable_until=None).update(writable_until=past)


def all_mended(settings):
    """Let time pass and run housekeeping, twice because some events come late. Return the counts."""
    settings.S3_FILE_UPLOADER_CLAIM_SECONDS = 1
    figures = Counter()
    time.sleep(1.1)  # By the clock of the store, everything so far becomes older than a claim.
    for _ in range(2):
        time_goes_by()
        report = housekeeping_run()
        assert report.is_complete
        figures["completed at the end"] += report.uploads_completed
        figures["settled at the end"] += report.records_settled
        figures["aborted at the end"] += report.multipart_uploads_aborted
    assert housekeeping_run() == NOTHING
    return figures
