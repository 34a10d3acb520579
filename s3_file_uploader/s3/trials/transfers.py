"""Try the ways of files on scratch objects: parts, ranges, signed URLs and forms. Each returns what is wrong, or ""."""

from datetime import UTC, datetime, timedelta

from ...conf import conf
from ...exceptions import StorageUnsupported
from ..client import find_bucket_place
from ..errors import storage_errors
from ..plain_request import PlainAnswer, send_plainly
from ..presign import presign_post, presign_url
from .scratch import CONTENT, Scratch

# Long enough for a clock that is minutes behind that of the store.
FOR_SECONDS = 900
SUCCESS = range(200, 300)
REFUSED = range(400, 500)
PARTIAL = 206


def find_multipart_problem(scratch: Scratch) -> str:
    """Return what is wrong with multipart uploads, or "".

    Raises:
        S3FileUploaderError: S3 refused a call.
    """
    try:
        upload_id = scratch.begin("whole")
    except StorageUnsupported:
        return "the store has no multipart uploads"
    scratch.complete("whole", upload_id, scratch.put_part("whole", upload_id))
    with storage_errors():
        described = scratch.client.head_object(**scratch.at("whole"))
    if (described.get("ContentLength"), scratch.read("whole")) != (len(CONTENT), CONTENT):
        return "the object has other bytes than its parts"
    return "" if described.get("ETag") else "the store reports no ETag"


def find_range_problem(scratch: Scratch) -> str:
    """Return what is wrong with ranges, by keys and by a signed URL, or "".

    Raises:
        S3FileUploaderError: S3 did not answer.
    """
    scratch.put("range")
    if scratch.read("range", Range="bytes=3-6") != CONTENT[3:7]:
        return "the store ignores Range"
    answer = send_plainly("GET", _sign(scratch, "GET", "range"), headers={"Range": "bytes=3-6"})
    is_right = (answer.status, answer.body) == (PARTIAL, CONTENT[3:7])
    return "" if is_right else f"a signed URL with Range is answered with {_describe(answer)}"


def find_url_problem(scratch: Scratch) -> str:
    """Return what is wrong with signed URLs at the public endpoint, or "".

    Raises:
        StorageUnavailable: the public endpoint cannot be reached from here.
        S3FileUploaderError: S3 did not answer.
    """
    scratch.put("signed")
    answer = send_plainly("GET", _sign(scratch, "GET", "signed"))
    if answer.body != CONTENT:
        return f"a signed GET is answered with {_describe(answer)}"
    size = {"content-length": str(len(CONTENT))}
    url = _sign(scratch, "PUT", "sent", headers=size)
    if (answer := send_plainly("PUT", url, body=CONTENT)).status not in SUCCESS:
        return f"a signed PUT is answered with {_describe(answer)}"
    return _find_url_hole(scratch, url)


def _find_url_hole(scratch: Scratch, put_url: str) -> str:
    expired = _sign(scratch, "GET", "signed", signed_at=datetime.now(UTC) - timedelta(hours=2))
    forged = _sign(scratch, "GET", "signed").replace("/signed?", "/sent?")
    if send_plainly("GET", expired).status not in REFUSED:
        return "an expired URL still works"
    if send_plainly("GET", forged).status not in REFUSED:
        return "a URL works for another file than the signed one"
    if send_plainly("PUT", put_url, body=CONTENT * 2).status in SUCCESS:
        return "a signed size is not enforced"
    return ""


def find_form_problem(scratch: Scratch) -> str:
    """Return what is wrong with POST forms at the public endpoint, or "".

    Raises:
        StorageUnavailable: the public endpoint cannot be reached from here.
    """
    form = presign_post(
        bucket=scratch.bucket,
        key=scratch.key("posted"),
        fields={},
        min_bytes=0,
        max_bytes=len(CONTENT),
        expires_in_seconds=FOR_SECONDS,
    )
    answer = send_plainly("POST", form.url, fields={**form.fields, "file": ("file", CONTENT)})
    if answer.status not in SUCCESS or scratch.read("posted") != CONTENT:
        return f"a form is answered with {_describe(answer)}"
    larger = send_plainly("POST", form.url, fields={**form.fields, "file": ("file", CONTENT * 2)})
    return "a form takes a larger file than it allows" if larger.status in SUCCESS else ""


def is_public(scratch: Scratch) -> bool:
    """Return True if a new object can be read without any signature.

    Raises:
        StorageUnavailable: the public endpoint cannot be reached from here.
    """
    scratch.put("private")
    place = find_bucket_place(scratch.bucket, endpoint_url=conf.public_endpoint_url)
    answer = send_plainly("GET", f"{place.origin}{place.path}{scratch.key('private')}")
    return answer.body == CONTENT


def _sign(
    scratch: Scratch,
    method: str,
    name: str,
    *,
    headers: dict[str, str] | None = None,
    signed_at: datetime | None = None,
) -> str:
    return presign_url(
        method="PUT" if method == "PUT" else "GET",
        bucket=scratch.bucket,
        key=scratch.key(name),
        expires_in_seconds=FOR_SECONDS,
        headers=headers,
        now=signed_at,
    ).url


def _describe(answer: PlainAnswer) -> str:
    """Return the status, and the code of S3's document of the error."""
    code = answer.body.partition(b"<Code>")[2].partition(b"</Code>")[0][:40].decode(errors="replace")
    return f"{answer.status} {code}".strip()
