"""Each operation: its id, tag, successful responses, parameters, body and errors.

Its words are the docstring of the action, those of its fields the `help_text` of the serializers.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiRequest, OpenApiResponse, extend_schema
from rest_framework.serializers import Serializer

from .. import viewsets
from ..serializers import direct_uploads, requests, responses, shares, uppy
from . import parameters as at
from .components import SHARE_PAGE, TOKEN_PAGE, UPLOAD_PAGE
from .errors import error_responses
from .examples import BUCKET, CONTENT

Describe = Callable[[], Callable[[Any], Any]]

# The tag is the first word of an operation's name in the plural, except for these.
TAGS = {"object": "Buckets", "uppy": "Uppy", "health": "Health"}


def describe(
    operation_id: str, responses: Mapping[Any, Any], *, parameters: tuple[Any, ...] = (), **rest: Any
) -> Callable[[Any], Any]:
    """Return the description of an operation, its errors and examples included.

    Args:
        operation_id: its name in generated clients, a key of `errors.RAISED`; its first word gives the tag.
        responses: of success, by status: a serializer, an `OpenApiResponse` or, without a body, None.
        parameters: of query and headers, a serializer for a whole query; and headers of responses.
        rest: as `extend_schema` takes it.
    """
    queries, body = _list_serializers(*parameters), rest.get("request")
    errors, retry_after = error_responses(
        operation_id, [*queries, *_list_serializers(body)], has_body=bool(body), is_public=rest.get("auth") == []
    )
    return extend_schema(
        operation_id=operation_id,
        tags=[TAGS.get(word := operation_id.partition("_")[0], f"{word.capitalize()}s")],
        parameters=[*parameters, retry_after],
        examples=[example for query in queries for example in at.query_examples(query)],
        responses={status: _build_response(shape) for status, shape in responses.items()} | errors,
        **rest,
    )


def _list_serializers(*parameters: Any) -> list[type[Serializer[Any]]]:
    return [each for each in parameters if isinstance(each, type) and issubclass(each, Serializer)]


def _build_response(shape: Any) -> OpenApiResponse:
    """Describe a response by the docstring of its serializer, unless it is described already."""
    if isinstance(shape, OpenApiResponse):
        return shape
    return OpenApiResponse(shape, description=shape.__doc__ if shape else "Done. The response has no body.")


def operation(*arguments: Any, **options: Any) -> Describe:
    """Return the description of an operation, made when drf-spectacular asks for it."""
    return partial(describe, *arguments, **options)


def answer(shape: Any, words: str, example: Any) -> OpenApiResponse:
    """Return a response with words and an example of its own."""
    return OpenApiResponse(shape, words, [OpenApiExample("Example", example)])


def body(shape: Any, example: Any, *media_types: str) -> dict[str, OpenApiRequest]:
    """Return a body of other media types than the parsers of the viewset take."""
    return {kind: OpenApiRequest(shape, examples=[OpenApiExample("Example", example)]) for kind in media_types}


TEXT = CONTENT.decode()
FORM = body(requests.FileUploadFormSerializer, {"file": TEXT, "bucket": BUCKET}, "multipart/form-data")
BYTES = body(OpenApiTypes.BINARY, TEXT, "application/octet-stream", "*/*")
READ = {
    (200, "*/*"): answer(OpenApiTypes.BINARY, "The file, through this server.", TEXT),
    (206, "*/*"): answer(OpenApiTypes.BINARY, "The range, through this server.", TEXT[1:4]),
    302: OpenApiResponse(description="The bytes are at `Location`."),
    304: OpenApiResponse(description="The client's copy is up to date."),
}
HELD_PARTS = OpenApiResponse(uppy.UppyStoredPartSerializer(many=True), "The parts that S3 holds.")
SIGNED_URL = {200: responses.PresignedUrlSerializer}
ABORTED = answer({"type": "object"}, "The upload is aborted.", {})
UNHEALTHY = answer(responses.HealthSerializer, "One of them cannot be reached.", {"database": True, "storage": False})
NOT_READY = answer(responses.ReadySerializer, "The database cannot be reached.", {"database": False})
FOLLOWED = {302: OpenApiResponse(description="The bytes are at `Location`.")}

hidden = partial(extend_schema, exclude=True)

OPERATIONS: Mapping[type[viewsets.ServiceViewSet], Mapping[str, Describe]] = {
    viewsets.BucketViewSet: {
        "list": operation("bucket_list", {200: responses.BucketListSerializer}),
        "create": operation(
            "bucket_create", {201: responses.CreatedBucketSerializer}, request=requests.BucketCreateSerializer
        ),
        "destroy": operation("bucket_remove", {204: None}),
    },
    viewsets.FileViewSet: {
        "upload": operation("file_upload", {201: responses.UploadSerializer}, parameters=at.IDEMPOTENT, request=FORM),
        "destroy": operation("file_delete", {204: None}),
        "presign_from_query": operation("file_presign_query", SIGNED_URL, parameters=(requests.PresignSerializer,)),
        "presign_from_body": operation("file_presign_body", SIGNED_URL, request=requests.PresignSerializer),
    },
    viewsets.FileDownloadViewSet: {
        "download": operation("file_download", {200: responses.SavedFileSerializer}),
        **dict.fromkeys(("retrieve_or_download", "store", "retrieve", "destroy"), hidden),
    },
    viewsets.ObjectViewSet: {
        "list": operation(
            "object_list", {200: responses.ObjectListSerializer}, parameters=(requests.ObjectListQuerySerializer,)
        ),
        "store": operation(
            "file_put",
            {201: responses.UploadSerializer},
            parameters=(requests.RawUploadSerializer, *at.CHECKSUM_HEADER, *at.IDEMPOTENT),
            request=BYTES,
        ),
        "retrieve": operation("file_get", READ, parameters=(requests.ReadSerializer, *at.READ_HEADERS, *at.OF_READING)),
        "destroy": operation("file_remove", {204: None}),
    },
    viewsets.UploadViewSet: {
        "folder": operation(
            "upload_folder", {200: responses.FolderSerializer}, parameters=(requests.FolderQuerySerializer,)
        ),
        "list": operation("upload_list", {200: UPLOAD_PAGE}, parameters=(requests.UploadListQuerySerializer,)),
        "usage": operation(
            "upload_usage", {200: responses.UsageSerializer}, parameters=(requests.UsageQuerySerializer,)
        ),
        "create": operation(
            "upload_start",
            {201: direct_uploads.StartedUploadSerializer},
            parameters=at.IDEMPOTENT,
            request=direct_uploads.UploadStartSerializer,
        ),
        "retrieve": operation("upload_get", {200: responses.UploadSerializer}),
        "destroy": operation("upload_delete", {204: None}),
        "parts": operation("upload_parts", {200: direct_uploads.UploadProgressSerializer}),
        "parts_sign": operation(
            "upload_parts_sign",
            {200: direct_uploads.SignedPartsSerializer},
            request=direct_uploads.PartNumbersSerializer,
        ),
        "complete": operation("upload_complete", {200: responses.UploadSerializer}, request=None),
    },
    viewsets.UploadTokenViewSet: {
        "create": operation(
            "uppy_token_create", {201: uppy.NewUploadTokenSerializer}, request=uppy.UploadTokenCreateSerializer
        ),
        "list": operation("uppy_token_list", {200: TOKEN_PAGE}, parameters=(requests.PageSerializer,)),
        "destroy": operation("uppy_token_revoke", {204: None}),
    },
    viewsets.UppySignViewSet: {
        "sign": operation("uppy_sign", {200: uppy.UppySignedSerializer}, request=uppy.UppySignSerializer),
    },
    # Opaque, like the addresses that are signed for S3.
    viewsets.UppySignedViewSet: dict.fromkeys(("begin_or_complete", "parts", "abort", "missing"), hidden),
    viewsets.UppyViewSet: {
        "params": operation("uppy_params", {200: uppy.UppyFormSerializer}, parameters=at.UPPY_FILE),
        "create": operation("uppy_create", {200: uppy.UppyMultipartSerializer}, request=uppy.UppyFileSerializer),
        "sign_part": operation("uppy_sign_part", {200: uppy.UppyPartSerializer}, parameters=(at.KEY,)),
        "sign_parts": operation(
            "uppy_sign_parts", {200: uppy.UppyPartsSerializer}, parameters=(at.KEY, at.PART_NUMBERS)
        ),
        "parts": operation("uppy_parts", {200: HELD_PARTS}, parameters=(at.KEY,)),
        "complete": operation(
            "uppy_complete",
            {200: uppy.UppyCompletedSerializer},
            parameters=(at.KEY,),
            request=uppy.UppyCompleteSerializer,
        ),
        "abort": operation("uppy_abort", {200: ABORTED}, parameters=(at.KEY,)),
        "arrived": operation("uppy_arrived", {200: responses.UploadSerializer}, parameters=(at.KEY,), request=None),
        "missing": hidden,
    },
    viewsets.ShareListViewSet: {
        "create": operation("share_create", {201: shares.NewShareLinkSerializer}, request=shares.ShareCreateSerializer),
        "list": operation("share_list", {200: SHARE_PAGE}, parameters=(shares.ShareListQuerySerializer,)),
    },
    viewsets.ShareViewSet: {
        "retrieve": operation("share_follow", FOLLOWED, parameters=(at.SHARE_SECRET, at.LOCATION), auth=[]),
        "destroy": operation("share_revoke", {204: None}, parameters=(at.SHARE_ID,)),
        "missing": hidden,
    },
    viewsets.HealthViewSet: {
        "retrieve": operation("health", {200: responses.HealthSerializer, 503: UNHEALTHY}, auth=[]),
        "live": operation("health_live", {200: responses.LiveSerializer}, auth=[]),
        "ready": operation("health_ready", {200: responses.ReadySerializer, 503: NOT_READY}, auth=[]),
    },
}
