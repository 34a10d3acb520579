"""Signers in their own process, which obeys commands on its standard input: `presigned parts 1000`."""

import hmac
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from subprocess import PIPE, Popen
from typing import IO, cast

import django
from botocore.auth import S3SigV4PostAuth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3_file_uploader.s3.presign import presign_part_urls, presign_post, presign_url

from .errors import ContenderFailed
from .processes import ROOT, running
from .store import BUCKET, client_of

# Nothing is sent, so no store is necessary.
STORE = {
    "AWS_STORAGE_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "test-access-key",
    "AWS_SECRET_ACCESS_KEY": "test-secret-key",
    "AWS_S3_ENDPOINT_URL": "https://store.example",
}
PLACE = f"{STORE['AWS_S3_ENDPOINT_URL']}/{BUCKET}/"
KEY = "uploads/0196f0a2-7c1e-7f3a-b9a4-1f2e3d4c5b6a/IMG_0042.MOV"
UPLOAD_ID = "2~iCw_lDY8VoKhoRrIJbPMrUqnE3Z-3Qh" * 3
TYPE = {"Content-Type": "video/quicktime"}
MAX_BYTES = 2**30
EXPIRES_IN_SECONDS = 3600
MEASURED_SECONDS = 0.5


class Signers:
    """The other end of such a process."""

    def __init__(self, process: "Popen[str]") -> None:
        """Take the process, which must have both pipes."""
        self._orders = cast("IO[str]", process.stdin)
        self._answers = cast("IO[str]", process.stdout)

    def per_second(self, who: str, what: str, count: int) -> float:
        """Let a signer sign for some seconds. Return the signatures in a second of CPU time.

        Args:
            who: the key of a contender.
            what: `url`, `form` or `parts`.
            count: the number of signatures at a time.

        Raises:
            ContenderFailed: the signer failed. Standard error has the traceback.
        """
        print(who, what, count, file=self._orders, flush=True)
        answer = self._answers.readline()
        if not answer:
            raise ContenderFailed(f"{who} could not sign: {what}")
        return float(answer)


@contextmanager
def signers(environment: Mapping[str, str]) -> Iterator[Signers]:
    """Start the process with the host project's settings, and end it with the block."""
    command = [sys.executable, "-m", "benchmarks.signatures"]
    host = {**environment, **STORE, "DJANGO_SETTINGS_MODULE": "modules.settings"}
    with running(command, cwd=ROOT, env=host, stdin=PIPE, stdout=PIPE) as process:
        yield Signers(process)


# --- the signers ------------------------------------------------------------------------------------------------------


def _ours_url(count: int) -> None:
    for _ in range(count):
        presign_url(method="GET", bucket=BUCKET, key=KEY, expires_in_seconds=EXPIRES_IN_SECONDS)


def _ours_form(count: int) -> None:
    limits = {"min_bytes": 0, "max_bytes": MAX_BYTES}
    for _ in range(count):
        presign_post(bucket=BUCKET, key=KEY, fields=TYPE, expires_in_seconds=EXPIRES_IN_SECONDS, **limits)


def _ours_parts(count: int) -> None:
    upload = {"bucket": BUCKET, "key": KEY, "upload_id": UPLOAD_ID}
    presign_part_urls(part_numbers=range(1, count + 1), expires_in_seconds=EXPIRES_IN_SECONDS, **upload)


def _boto3() -> dict[str, Callable[[int], None]]:
    client = client_of()
    object_ = {"Bucket": BUCKET, "Key": KEY}
    part = {**object_, "UploadId": UPLOAD_ID}

    def url(count: int) -> None:
        for _ in range(count):
            client.generate_presigned_url("get_object", object_, EXPIRES_IN_SECONDS)

    def form(count: int) -> None:
        conditions = [TYPE, ["content-length-range", 0, MAX_BYTES]]
        for _ in range(count):
            client.generate_presigned_post(BUCKET, KEY, TYPE, conditions, EXPIRES_IN_SECONDS)

    def parts(count: int) -> None:
        for number in range(1, count + 1):
            client.generate_presigned_url("upload_part", {**part, "PartNumber": number}, EXPIRES_IN_SECONDS)

    return {"url": url, "form": form, "parts": parts}


def _botocore() -> dict[str, Callable[[int], None]]:
    keys = Credentials(STORE["AWS_ACCESS_KEY_ID"], STORE["AWS_SECRET_ACCESS_KEY"])
    where = (keys, "s3", STORE["AWS_STORAGE_REGION"])

    def url(count: int) -> None:
        for _ in range(count):
            S3SigV4QueryAuth(*where, EXPIRES_IN_SECONDS).add_auth(AWSRequest("GET", PLACE + KEY))

    def form(count: int) -> None:
        conditions = [TYPE, ["content-length-range", 0, MAX_BYTES], {"bucket": BUCKET}, {"key": KEY}]
        for _ in range(count):
            request = AWSRequest("POST", PLACE)
            policy = {"expiration": "2013-05-24T00:00:00Z", "conditions": list(conditions)}
            request.context["s3-presign-post-policy"] = policy
            request.context["s3-presign-post-fields"] = {**TYPE, "key": KEY}
            S3SigV4PostAuth(*where).add_auth(request)

    def parts(count: int) -> None:
        for number in range(1, count + 1):
            request = AWSRequest("PUT", PLACE + KEY, params={"uploadId": UPLOAD_ID, "partNumber": number})
            S3SigV4QueryAuth(*where, EXPIRES_IN_SECONDS).add_auth(request)

    return {"url": url, "form": form, "parts": parts}


def _floor(count: int) -> None:
    key = sha256().digest()
    text = presign_url(method="GET", bucket=BUCKET, key=KEY, expires_in_seconds=EXPIRES_IN_SECONDS).url.encode()
    for _ in range(count):
        hmac.digest(key, sha256(text).hexdigest().encode(), "sha256").hex()


def main() -> None:
    """Obey one line after the other."""
    django.setup()
    ours = {"url": _ours_url, "form": _ours_form, "parts": _ours_parts}
    floor = dict.fromkeys(ours, _floor)
    known = {"presigned": ours, "boto3": _boto3(), "botocore": _botocore(), "floor": floor}
    for line in sys.stdin:
        who, what, count = line.split()
        print(_per_second(partial(known[who][what], int(count)), int(count)), flush=True)


def _per_second(sign: Callable[[], None], count: int) -> float:
    sign()  # Load everything that is loaded on first use.
    signed, started = 0, time.process_time()
    while (seconds := time.process_time() - started) < MEASURED_SECONDS:
        sign()
        signed += count
    return signed / seconds


if __name__ == "__main__":
    main()
