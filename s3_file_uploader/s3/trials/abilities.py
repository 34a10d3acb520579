"""Try the abilities of S3_FILE_UPLOADER_STORE on scratch objects, by what a store must refuse and must accept."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256

from ...conf import conf
from ...exceptions import S3FileUploaderError, StorageTimeout, StorageUnavailable
from ...values import (
    BUCKET_CORS,
    CHECKSUM_TRAILERS,
    CHECKSUMS,
    CONDITIONAL_DELETES,
    CONDITIONAL_WRITES,
    EXPECTED_OWNER,
    LARGE_OBJECTS,
    LIFECYCLE,
    PAYLOAD_HASH_IN_URLS,
    POST_FORMS,
)
from ..client import find_bucket_region, get_client
from ..errors import storage_errors
from ..objects import delete_matching_object
from ..plain_request import send_plainly
from ..presign import presign_post, presign_url
from ..sigv4 import CONTENT_SHA256
from .configuration import find_rule_ability
from .scratch import CONTENT, Scratch
from .transfers import FOR_SECONDS, SUCCESS, find_form_problem

OTHER = b"other bytes than those"
WRONG_CRC32 = "AAAAAA=="
# No account has this id: https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
NO_ACCOUNT = "000000000000"


def find_abilities(scratch: Scratch, *, rules: Callable[[str, Scratch], bool | None] = find_rule_ability) -> list[str]:
    """Return the abilities of the store, in the order of their names; what cannot be tried, as the settings have it.

    Args:
        scratch: objects in the bucket.
        rules: tries the abilities `bucket_cors` and `lifecycle`.

    Raises:
        S3FileUploaderError: the store stopped answering.
    """
    tried: dict[str, bool | None] = {ability: trial(scratch) for ability, trial in _TRIALS.items()}
    tried |= {ability: rules(ability, scratch) for ability in (BUCKET_CORS, LIFECYCLE)}
    tried[POST_FORMS] = not find_form_problem(scratch)
    tried[LARGE_OBJECTS] = conf.is_aws  # No trial: it would take 5 TiB.
    return [name for name, found in sorted(tried.items()) if (conf.store_can(name) if found is None else found)]


def _is_refused(call: Callable[[], object]) -> bool:
    """Return True if the store answers with an error.

    Raises:
        StorageUnavailable, StorageTimeout: it does not answer.
    """
    try:
        call()
    except (StorageUnavailable, StorageTimeout):
        raise
    except S3FileUploaderError:
        return True
    return False


def _has_conditional_writes(scratch: Scratch) -> bool:
    scratch.put("conditional")
    with scratch.unfinished("conditional") as upload_id:
        parts = scratch.put_part("conditional", upload_id, OTHER)
        return (
            _is_refused(lambda: scratch.put("conditional", OTHER, IfNoneMatch="*"))
            and _is_refused(lambda: scratch.complete("conditional", upload_id, parts, IfNoneMatch="*"))
            and scratch.read("conditional") == CONTENT
            and not _is_refused(lambda: scratch.put("absent", IfNoneMatch="*"))
        )


def _has_conditional_deletes(scratch: Scratch) -> bool:
    etag = scratch.put("deleted")

    def delete(etag: str) -> None:
        delete_matching_object(bucket=scratch.bucket, key=scratch.key("deleted"), etag=etag)

    return (
        _is_refused(lambda: delete("0" * 32))
        and scratch.read("deleted") == CONTENT
        and not _is_refused(lambda: delete(etag))
        and scratch.read("deleted") is None
    )


def _has_checksums(scratch: Scratch) -> bool:
    checksum = b64encode(sha256(CONTENT).digest()).decode()
    if not _is_refused(lambda: scratch.put("checksum", OTHER, ChecksumSHA256=checksum)):
        return False
    if _is_refused(lambda: scratch.put("checksum", ChecksumSHA256=checksum)):
        return False
    with storage_errors():
        described = scratch.client.head_object(**scratch.at("checksum"), ChecksumMode="ENABLED")
    return described.get("ChecksumSHA256") == checksum and _form_compares(scratch, checksum)


def _form_compares(scratch: Scratch, checksum: str) -> bool:
    form = presign_post(
        bucket=scratch.bucket,
        key=scratch.key("form"),
        fields={"x-amz-checksum-sha256": checksum},
        min_bytes=0,
        max_bytes=100,
        expires_in_seconds=FOR_SECONDS,
    )
    return [
        send_plainly("POST", form.url, fields={**form.fields, "file": ("file", body)}).status in SUCCESS
        for body in (OTHER, CONTENT)
    ] == [False, True]


def _has_checksum_trailers(scratch: Scratch) -> bool:
    client = get_client(region=find_bucket_region(scratch.bucket), checksum_trailers=True)

    def put() -> None:
        with storage_errors():
            client.put_object(**scratch.at("trailer"), Body=CONTENT)

    return (
        not _is_refused(put)
        and scratch.read("trailer") == CONTENT
        and _is_refused(lambda: scratch.put("trailer", OTHER, ChecksumCRC32=WRONG_CRC32))
    )


def _has_payload_hash_in_urls(scratch: Scratch) -> bool:
    headers = {CONTENT_SHA256: sha256(CONTENT).hexdigest()}
    signed = presign_url(
        method="PUT",
        bucket=scratch.bucket,
        key=scratch.key("hashed"),
        headers=headers,
        expires_in_seconds=FOR_SECONDS,
    )
    return [
        send_plainly("PUT", signed.url, headers=headers, body=body).status in SUCCESS for body in (OTHER, CONTENT)
    ] == [False, True]


def _has_expected_owner(scratch: Scratch) -> bool:
    def head() -> None:
        with storage_errors(about="bucket"):
            scratch.client.head_bucket(Bucket=scratch.bucket, ExpectedBucketOwner=NO_ACCOUNT)

    return _is_refused(head)


_TRIALS: dict[str, Callable[[Scratch], bool]] = {
    CONDITIONAL_WRITES: _has_conditional_writes,
    CONDITIONAL_DELETES: _has_conditional_deletes,
    CHECKSUMS: _has_checksums,
    CHECKSUM_TRAILERS: _has_checksum_trailers,
    PAYLOAD_HASH_IN_URLS: _has_payload_hash_in_urls,
    EXPECTED_OWNER: _has_expected_owner,
}
