"""The operations of direct uploads, in words and examples."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiRequest, OpenApiResponse

from ..serializers import (
    PartsWantedSerializer,
    SignedPartsSerializer,
    StartedUploadSerializer,
    UploadProgressSerializer,
    UploadSerializer,
    UploadStartSerializer,
)
from .examples import (
    AN_HOUR_LATER,
    DIRECT_UPLOAD_EXAMPLE,
    ETAG,
    MULTIPART_EXAMPLE,
    PART_SIZE,
    PARTS_EXAMPLE,
    PENDING_EXAMPLE,
    POST_EXAMPLE,
    PUT_EXAMPLE,
    START_EXAMPLE,
)
from .parameters import IDEMPOTENCY_KEY_HEADER, REPLAYED, UPLOAD_ID_IN_PATH
from .schema import ANY_BODY, answer, body, described

WAYS = {
    "In one request": PUT_EXAMPLE,
    "As a form": POST_EXAMPLE,
    "In parts": MULTIPART_EXAMPLE,
}
WANTED = {
    "All that are missing": {"missing": True},
    "From one to another": {"first": 1, "last": 2},
    "These": {"part_numbers": [1, 2]},
}


def upload_start() -> Callable[[Any], Any]:
    """Describe POST `uploads/`."""
    started = [OpenApiExample(name, {**PENDING_EXAMPLE, "transfer": way}) for name, way in WAYS.items()]
    stored = OpenApiExample("Completed since", {**DIRECT_UPLOAD_EXAMPLE, "transfer": None})
    return described(
        "upload_start",
        "Uploads",
        {201: OpenApiResponse(StartedUploadSerializer, "The record, and what to send.", [*started, stored])},
        parameters=(IDEMPOTENCY_KEY_HEADER, REPLAYED),
        request=body(UploadStartSerializer, "A file", START_EXAMPLE, ANY_BODY),
        summary="Start an upload that goes straight to S3.",
        description="Send the file as `transfer` says, then complete the upload. Size and type are signed: S3 takes no "
        "other. The file gets an object key of its own. The same request with the same `Idempotency-Key` is answered "
        "with the same record and fresh URLs.",
    )


def upload_parts() -> Callable[[Any], Any]:
    """Describe GET `uploads/../parts/`."""
    held = {"parts": [{"part_number": 1, "size": PART_SIZE, "etag": ETAG}], "missing": [2]}
    return described(
        "upload_parts",
        "Uploads",
        {200: answer(UploadProgressSerializer, "The parts that S3 holds, and which are missing.", held)},
        parameters=(UPLOAD_ID_IN_PATH,),
        summary="Show which parts have arrived.",
        description="As S3 says at this moment. For whoever goes on after the app was killed, or draws a progress bar.",
    )


def upload_parts_sign() -> Callable[[Any], Any]:
    """Describe POST `uploads/../parts/`."""
    examples = [OpenApiExample(name, wanted) for name, wanted in WANTED.items()]
    return described(
        "upload_parts_sign",
        "Uploads",
        {
            200: answer(
                SignedPartsSerializer, "Where to send them.", {"parts": PARTS_EXAMPLE, "expires_at": AN_HOUR_LATER}
            )
        },
        parameters=(UPLOAD_ID_IN_PATH,),
        request={kind: OpenApiRequest(PartsWantedSerializer, examples=examples) for kind in ANY_BODY},
        summary="Sign URLs for parts.",
        description="Give `part_numbers`, or `first` and `last`, or `missing=true`. PUT to each URL `size` bytes of "
        "the file from `offset` on, in any order, several at once, again if need be; without headers of your own. Ask "
        "as often as you like: that also keeps the upload from expiring.",
    )


def upload_complete() -> Callable[[Any], Any]:
    """Describe POST `uploads/../complete/`."""
    return described(
        "upload_complete",
        "Uploads",
        {200: answer(UploadSerializer, "The record of the stored file.", DIRECT_UPLOAD_EXAMPLE)},
        parameters=(UPLOAD_ID_IN_PATH,),
        request=None,
        summary="Complete an upload that went straight to S3.",
        description="The server asks S3 what arrived; no ETags are needed. Only what is whole, and of the announced "
        "size, type and checksum, is stored. Ask again as often as you like: a stored one is answered alike.",
    )
