"""What Uppy asks for, in words and examples; and upload tokens."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from ...values import MAX_PARTS
from ..serializers import (
    NewUploadTokenSerializer,
    PageSerializer,
    UploadSerializer,
    UploadTokenCreateSerializer,
    UppyCompletedSerializer,
    UppyCompleteSerializer,
    UppyFileSerializer,
    UppyFormSerializer,
    UppyMultipartSerializer,
    UppyPartSerializer,
    UppyPartsSerializer,
    UppySignedSerializer,
    UppySignSerializer,
    UppyStoredPartSerializer,
)
from .examples import (
    AN_HOUR_LATER,
    BUCKET,
    DIRECT_KEY,
    DIRECT_UPLOAD_EXAMPLE,
    DIRECT_URL,
    ETAG,
    PART_SIZE,
    POST_EXAMPLE,
    PUT_EXAMPLE,
    SERVICE,
    STORE,
    UPLOAD_CURSOR,
    UPLOAD_ID,
    UPLOAD_TOKEN,
    UPLOAD_TOKEN_EXAMPLE,
    UPPY_FILE_EXAMPLE,
    UploadTokenPage,
)
from .parameters import TOKENS_IN_QUERY, UPLOAD_ID_IN_PATH
from .schema import ANY_BODY, answer, body, described

JSON = ("application/json",)
SECONDS = 3600
PART_URL = f"{DIRECT_URL}&partNumber=1"
AT = (
    "For Uppy, in the words of Companion. The same address below `uppy/token/{token}/` is for whoever has an upload "
    "token instead of a login."
)


def _in_query(name: str, words: str, example: str, *, required: bool = True) -> OpenApiParameter:
    examples = [OpenApiExample(name, example)]
    return OpenApiParameter(name, str, OpenApiParameter.QUERY, description=words, examples=examples, required=required)


KEY = _in_query("key", "The object key, as it was answered.", DIRECT_KEY)
PART_NUMBER = OpenApiParameter(
    "part_number",
    int,
    OpenApiParameter.PATH,
    description=f"1 to {MAX_PARTS}.",
    examples=[OpenApiExample("part_number", 1)],
)
UPLOAD = (UPLOAD_ID_IN_PATH, KEY)


def hidden() -> Callable[[Any], Any]:
    """Leave it out."""
    return extend_schema(exclude=True)


def params() -> Callable[[Any], Any]:
    """Describe GET `uppy/s3/params`."""
    form = {"method": "POST", "url": STORE, "fields": POST_EXAMPLE["fields"], "expires": SECONDS}
    put = {"method": "PUT", "url": DIRECT_URL, "fields": {"key": DIRECT_KEY}, "headers": PUT_EXAMPLE["headers"]}
    ways = [OpenApiExample("A form", form), OpenApiExample("A PUT", {**put, "expires": SECONDS})]
    return described(
        "uppy_params",
        "Uppy",
        {200: OpenApiResponse(UppyFormSerializer, "Where the file is to be sent, and how.", ways)},
        parameters=(
            _in_query("filename", "The name on the device.", "été.txt"),
            _in_query("type", "The MIME type; by the name if there is none.", "text/plain", required=False),
            _in_query("metadata[bucket]", "Another bucket than S3_FILE_UPLOADER_UPPY_BUCKET.", BUCKET, required=False),
        ),
        summary="Start an upload in one request.",
        description=f"{AT} Each call starts an upload, with a record of its own.",
    )


def create() -> Callable[[Any], Any]:
    """Describe POST `uppy/s3/multipart`."""
    created = {"key": DIRECT_KEY, "uploadId": UPLOAD_ID, "bucket": BUCKET}
    return described(
        "uppy_create",
        "Uppy",
        {200: answer(UppyMultipartSerializer, "The upload that was started.", created)},
        request=body(UppyFileSerializer, "A file", UPPY_FILE_EXAMPLE, JSON),
        summary="Start an upload in parts.",
        description=AT,
    )


def sign_part() -> Callable[[Any], Any]:
    """Describe GET `uppy/s3/multipart/../../`."""
    return described(
        "uppy_sign_part",
        "Uppy",
        {200: answer(UppyPartSerializer, "Where the part is to be sent.", {"url": PART_URL, "expires": SECONDS})},
        parameters=(*UPLOAD, PART_NUMBER),
        summary="Sign the URL of a part.",
        description=AT,
    )


def sign_parts() -> Callable[[Any], Any]:
    """Describe GET `uppy/s3/multipart/../batch`."""
    return described(
        "uppy_sign_parts",
        "Uppy",
        {200: answer(UppyPartsSerializer, "Where they are to be sent.", {"presignedUrls": {"1": PART_URL}})},
        parameters=(*UPLOAD, _in_query("partNumbers", "Numbers, with a comma between.", "1,2")),
        summary="Sign the URLs of several parts.",
        description=AT,
    )


def parts() -> Callable[[Any], Any]:
    """Describe GET `uppy/s3/multipart/../`."""
    held = [{"PartNumber": 1, "ETag": ETAG, "Size": PART_SIZE}]
    example = OpenApiExample("Parts", held[0])  # drf-spectacular makes a list of it.
    return described(
        "uppy_parts",
        "Uppy",
        {200: OpenApiResponse(UppyStoredPartSerializer(many=True), "The parts that S3 holds.", [example])},
        parameters=UPLOAD,
        summary="Show which parts have arrived.",
        description=f"{AT} All of them, in one answer.",
    )


def complete() -> Callable[[Any], Any]:
    """Describe POST `uppy/s3/multipart/../complete`."""
    wanted = {"parts": [{"PartNumber": 1, "ETag": ETAG}]}
    completed = {"location": DIRECT_UPLOAD_EXAMPLE["url"], "key": DIRECT_KEY, "bucket": BUCKET}
    return described(
        "uppy_complete",
        "Uppy",
        {200: answer(UppyCompletedSerializer, "Where the file is.", completed)},
        parameters=UPLOAD,
        request=body(UppyCompleteSerializer, "Parts", wanted, JSON),
        summary="Complete an upload in parts.",
        description=f"{AT} S3 is asked which parts it holds; all that are named here must be there.",
    )


def abort() -> Callable[[Any], Any]:
    """Describe DELETE `uppy/s3/multipart/../`."""
    return described(
        "uppy_abort",
        "Uppy",
        {200: answer({"type": "object"}, "The upload is given up.", {})},
        parameters=UPLOAD,
        summary="Give up an upload in parts.",
        description=f"{AT} What is stored already stays.",
    )


def arrived() -> Callable[[Any], Any]:
    """Describe POST `uppy/s3/complete`."""
    return described(
        "uppy_arrived",
        "Uppy",
        {200: answer(UploadSerializer, "The record of the stored file.", DIRECT_UPLOAD_EXAMPLE)},
        parameters=(KEY,),
        request=None,
        summary="Say that a file has arrived.",
        description="For the page, on `upload-success`: Uppy itself says nothing after an upload in one request. "
        "`key` is what Uppy was answered with. Asked again, it answers the same.",
    )


def sign() -> Callable[[Any], Any]:
    """Describe POST `uppy/sign`."""
    put = {"url": DIRECT_URL, "key": DIRECT_KEY, "headers": PUT_EXAMPLE["headers"]}
    form = {"url": STORE, "key": DIRECT_KEY, "fields": POST_EXAMPLE["fields"]}
    ways = {"A PUT": put, "A form, where the store takes no PUT": form, "A part": {"url": PART_URL}}
    wanted = {"method": "PUT", "key": "été.txt", "contentType": "text/plain"}
    return described(
        "uppy_sign",
        "Uppy",
        {
            200: OpenApiResponse(
                UppySignedSerializer, "The request as it is to be made.", [OpenApiExample(*way) for way in ways.items()]
            )
        },
        request=body(UppySignSerializer, "A file", wanted, JSON),
        summary="Sign a request for `signRequest` of major 6.",
        description="PUTs are signed for S3, all else for this server, which answers as S3 does. A request without "
        "`uploadId` starts an upload; `key` is a name then, and the answer says which object key it was given.",
    )


# --- upload tokens ---------------------------------------------------------------------------------------------------


def token_create() -> Callable[[Any], Any]:
    """Describe POST `uppy/tokens/`."""
    made = {"id": UPLOAD_ID, "token": UPLOAD_TOKEN, "endpoint": f"{SERVICE}uppy/token/{UPLOAD_TOKEN}"}
    return described(
        "uppy_token_create",
        "Uppy",
        {201: answer(NewUploadTokenSerializer, "The token.", {**made, "expires_at": AN_HOUR_LATER})},
        request=body(UploadTokenCreateSerializer, "An hour", {"expires_in": SECONDS}, ANY_BODY),
        summary="Make an upload token.",
        description="It stands for you where Uppy asks, and nowhere else, until it expires or is revoked. It is shown "
        "this once. Give `endpoint` to Uppy.",
    )


def token_list() -> Callable[[Any], Any]:
    """Describe GET `uppy/tokens/`."""
    next_page = f"{SERVICE}uppy/tokens/?cursor={UPLOAD_CURSOR}"
    page = {"next": next_page, "previous": None, "results": [UPLOAD_TOKEN_EXAMPLE]}
    return described(
        "uppy_token_list",
        "Uppy",
        {200: answer(UploadTokenPage, "One page of tokens.", page)},
        parameters=(PageSerializer,),
        examples=TOKENS_IN_QUERY,
        summary="List your upload tokens, newest first.",
        description="What opens anything is not shown. Those whose time is over disappear after a while.",
    )


def token_revoke() -> Callable[[Any], Any]:
    """Describe DELETE `uppy/tokens/../`."""
    token_id = OpenApiParameter(
        "token_id",
        {"type": "string", "format": "uuid"},
        OpenApiParameter.PATH,
        description="The `id` of the token.",
        examples=[OpenApiExample("token_id", UPLOAD_ID)],
    )
    return described(
        "uppy_token_revoke",
        "Uppy",
        {204: OpenApiResponse(description="The token is refused from now on.")},
        parameters=(token_id,),
        summary="Revoke an upload token.",
        description="URLs that were signed for it work to their own end.",
    )
