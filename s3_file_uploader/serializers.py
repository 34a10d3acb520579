"""The shapes of requests and answers. Plain serializers: no queries, no S3."""

import mimetypes
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, cast
from urllib.parse import quote, urlencode

from django.utils import timezone
from django.utils.http import RFC3986_SUBDELIMS
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse
from rest_framework.utils.urls import replace_query_param

from .exceptions import InvalidField
from .values import MAX_CONTENT_TYPE_LENGTH, MAX_EXPIRATION_SECONDS

CHECKSUM = re.compile(r"[0-9a-f]{64}", re.ASCII)
# https://www.rfc-editor.org/rfc/rfc9110.html#name-media-type
CONTENT_TYPE = re.compile(
    r"[\w!#$&^.+-]{1,127}/[\w!#$&^.+-]{1,127}([ \t]*;[ \t]*[\w*-]+=[^;\x00-\x1f\x7f-\U0010ffff]+)*", re.ASCII
)
UNKNOWN_CONTENT_TYPE = "application/octet-stream"
IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}", re.ASCII)
STATUSES = ("pending", "stored", "deleting")
# Addresses that end like this belong to the endpoint that saves files on the server.
RESERVED_ENDING = "/download"
DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


def content_type_of(declared: str | None, name: str) -> str:
    """Return what the sender declared, if it has the shape of a MIME type, else what the name suggests."""
    if declared and len(declared) <= MAX_CONTENT_TYPE_LENGTH and CONTENT_TYPE.fullmatch(declared):
        return declared
    return mimetypes.guess_type(name)[0] or UNKNOWN_CONTENT_TYPE


def checksum_of(value: str) -> str:
    """Return a SHA-256 in lower-case hex, or nothing of nothing.

    Raises:
        ValidationError: these are not 64 hex digits.
    """
    if value and not CHECKSUM.fullmatch(value.lower()):
        raise serializers.ValidationError("Give 64 hex digits.")
    return value.lower()


class UTCDateTimeField(serializers.DateTimeField):
    """A moment as ISO 8601 in UTC, whatever time zone the host project lives in, or none."""

    def to_representation(self, value: Any) -> Any:
        """Return for example 2026-01-31T09:30:00.000000Z."""
        aware = timezone.make_aware(value, timezone.get_default_timezone()) if timezone.is_naive(value) else value
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


class BucketCreateSerializer(serializers.Serializer[Any]):
    """Body of `bucket/create/`."""

    bucket = serializers.CharField(required=False, help_text="The new bucket's name.")
    bucket_name = serializers.CharField(required=False, help_text="Another spelling of `bucket`.")
    region = serializers.RegexField(
        r"^(?![0-9]+$)(?!-)[a-z0-9-]{1,40}(?<!-)$",
        required=False,
        help_text="For example eu-west-1; the configured region by default.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Accept either spelling of the name, and want one."""
        name = attrs.get("bucket") or attrs.get("bucket_name")
        if not name:
            raise serializers.ValidationError({"bucket": "Give the name of the bucket to create."}, code="required")
        return {"name": name, "region": attrs.get("region")}


class FileUploadFormSerializer(serializers.Serializer[Any]):
    """Form-data of `file/upload/`."""

    file = serializers.FileField(
        allow_empty_file=True, max_length=None, help_text="The file itself, sent as a file part with a file name."
    )
    bucket = serializers.CharField(help_text="An existing bucket.")
    user_id = serializers.CharField(
        required=False, allow_blank=True, help_text="Whose file it becomes: yourself by default; staff may name others."
    )
    file_name = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="The object key; the file's own name by default.",
    )
    overwrite = serializers.BooleanField(
        default=False, help_text="Replace your own file of that name. Nobody else's can be replaced."
    )
    checksum_sha256 = serializers.CharField(
        required=False, allow_blank=True, help_text="SHA-256 of the file in hex. On a mismatch nothing is stored."
    )

    def validate_checksum_sha256(self, value: str) -> str:
        """Want 64 hex digits, in either case."""
        return checksum_of(value)


def idempotency_key_of(headers: Mapping[str, str]) -> str | None:
    """Return the Idempotency-Key of a request, None if it has none.

    Raises:
        InvalidField: it has no shape that travels unchanged in a header.
    """
    key = headers.get("Idempotency-Key")
    if key is None or IDEMPOTENCY_KEY.fullmatch(key):
        return key
    raise InvalidField("Idempotency-Key", "Give 1 to 255 visible ASCII characters, such as a UUID of your own.")


class RawUploadSerializer(serializers.Serializer[Any]):
    """Query and headers of PUT `buckets/../files/../`."""

    overwrite = serializers.BooleanField(
        default=False, help_text="Replace your own file of that name. Nobody else's can be replaced."
    )
    x_checksum_sha256 = serializers.CharField(
        allow_blank=True, help_text="SHA-256 of the file in hex. On a mismatch nothing is stored."
    )

    def validate_x_checksum_sha256(self, value: str) -> str:
        """Want 64 hex digits, in either case."""
        return checksum_of(value)


class ReadSerializer(serializers.Serializer[Any]):
    """Query of GET and HEAD `buckets/../files/../`."""

    proxy = serializers.BooleanField(
        default=False, help_text="Send the bytes through this server, where the client cannot reach S3."
    )
    disposition = serializers.ChoiceField(
        choices=("attachment", "inline"), default="attachment", help_text="Whether a browser saves or shows the file."
    )


class PageSerializer(serializers.Serializer[Any]):
    """Query of every list."""

    page_size = serializers.IntegerField(
        default=DEFAULT_PAGE_SIZE, min_value=1, max_value=MAX_PAGE_SIZE, help_text="How many results a page."
    )
    cursor = serializers.CharField(required=False, help_text="Where the page begins: part of `next` and `previous`.")


class ObjectsWantedSerializer(PageSerializer):
    """Query of GET `buckets/../files/`."""

    prefix = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, help_text="What the object keys begin with."
    )
    delimiter = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Keys with it behind the prefix are rolled up into one of `prefixes`; for staff.",
    )


class UploadsWantedSerializer(PageSerializer):
    """Query of GET `uploads/`."""

    bucket = serializers.CharField(required=False, help_text="In this bucket.")
    status = serializers.ChoiceField(choices=STATUSES, required=False, help_text="In this state.")
    content_type = serializers.CharField(required=False, help_text="Of exactly this MIME type.")
    file_name = serializers.CharField(
        required=False, trim_whitespace=False, help_text="With this in the object key; upper and lower case differ."
    )
    created_after = serializers.DateTimeField(required=False, help_text="Begun later than this (ISO 8601).")
    created_before = serializers.DateTimeField(required=False, help_text="Begun earlier than this (ISO 8601).")
    user_id = serializers.CharField(required=False, help_text="Of this user: yourself; staff may name others.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Leave the cursor to the pages."""
        attrs.pop("cursor", None)
        return attrs


class PresignSerializer(serializers.Serializer[Any]):
    """Query (GET) or body (POST) of `file/presigned/url/`."""

    file_name = serializers.CharField(trim_whitespace=False, help_text="The object key of one of your stored files.")
    bucket = serializers.CharField(help_text="Where it lies.")
    expiration = serializers.IntegerField(
        default=3600,
        min_value=1,
        max_value=MAX_EXPIRATION_SECONDS,
        help_text="Seconds for which the URL works; it ends earlier where the server's own credentials do.",
    )
    disposition = serializers.ChoiceField(
        choices=("attachment", "inline"),
        required=False,
        help_text="Whether a browser saves or shows the file; the answer then carries its original name.",
    )


class BucketSerializer(serializers.Serializer[Any]):
    """One bucket of the list."""

    name = serializers.CharField()
    created_at = UTCDateTimeField()
    region = serializers.CharField()


class BucketListSerializer(serializers.Serializer[Any]):
    """Answer of `bucket/list/`."""

    owner_id = serializers.CharField(help_text="Who owns the buckets, as S3 says; wanted to remove one.")
    buckets = BucketSerializer(many=True)


class CreatedBucketSerializer(serializers.Serializer[Any]):
    """Answer of `bucket/create/`."""

    name = serializers.CharField()
    region = serializers.CharField()
    location = serializers.CharField(help_text="As S3 answered: a path or a URL.")


class SavedFileSerializer(serializers.Serializer[Any]):
    """Answer of `download/`."""

    path = serializers.CharField(help_text="Relative to PATH_TO_SAVE_FILE on the server.")
    file_name = serializers.CharField()
    bucket = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    etag = serializers.CharField()


class PresignedUrlSerializer(serializers.Serializer[Any]):
    """Answer of `file/presigned/url/`."""

    url = serializers.CharField(help_text="Works without further credentials until it expires.")
    method = serializers.CharField()
    expires_in = serializers.IntegerField(source="expires_in_seconds", help_text="Seconds.")
    expires_at = UTCDateTimeField()


class UploadSerializer(serializers.Serializer[Any]):
    """The record of an upload."""

    id = serializers.UUIDField()
    user_id = serializers.CharField(allow_null=True, help_text="Primary key of the owner, as a string.")
    bucket = serializers.CharField()
    file_name = serializers.CharField(help_text="The object key.")
    original_name = serializers.CharField()
    size = serializers.IntegerField(allow_null=True, help_text="Bytes; null until they are stored.")
    content_type = serializers.CharField()
    etag = serializers.CharField()
    checksum_sha256 = serializers.CharField(help_text="Lower-case hex.")
    status = serializers.ChoiceField(choices=STATUSES)
    created_at = UTCDateTimeField()
    completed_at = UTCDateTimeField(allow_null=True)
    url = serializers.SerializerMethodField(help_text="Where whoever may read the file gets it.")

    def get_url(self, upload: Any) -> str:
        """Return the address of the file itself, which sends on to a fresh presigned URL; or of what signs one."""
        request: Request | None = self.context.get("request")
        if upload.file_name.endswith(RESERVED_ENDING):
            query = urlencode({"bucket": upload.bucket, "file_name": upload.file_name})
            return f"{reverse('s3_service-create-presigned-url', request=request)}?{query}"
        # Found once for a whole page: Django needs longer for a `reverse` than for all the rest of a record.
        bucket_urls: dict[str, str] = cast(dict[str, Any], self.context).setdefault("bucket_urls", {})
        if upload.bucket not in bucket_urls:
            path = {"bucket_name": upload.bucket}
            bucket_urls[upload.bucket] = reverse("s3_service-object-list", kwargs=path, request=request)
        return f"{bucket_urls[upload.bucket]}{quote(upload.file_name, safe=RFC3986_SUBDELIMS + '/~:@')}/"


class ListedObjectSerializer(serializers.Serializer[Any]):
    """One object of a bucket."""

    file_name = serializers.CharField(help_text="The object key.")
    size = serializers.IntegerField(help_text="Bytes.")
    etag = serializers.CharField()
    changed_at = UTCDateTimeField(help_text="When the object was last written, as S3 says.")


class ObjectListSerializer(serializers.Serializer[Any]):
    """Answer of GET `buckets/../files/`."""

    next = serializers.SerializerMethodField(help_text="The next page, null on the last.")
    previous = serializers.SerializerMethodField(help_text="Always null: S3 lists forward only.")
    prefixes = serializers.ListField(child=serializers.CharField(), help_text="What `delimiter` rolled up.")
    results = ListedObjectSerializer(many=True, source="objects")

    def get_next(self, listing: Any) -> str | None:
        """Return this page's address with another cursor."""
        request: Request = self.context["request"]
        return listing.next_cursor and replace_query_param(request.build_absolute_uri(), "cursor", listing.next_cursor)

    def get_previous(self, listing: Any) -> None:
        """S3 has no way back."""


class HealthSerializer(serializers.Serializer[Any]):
    """Answer of `health/`: true means reachable."""

    database = serializers.BooleanField()
    storage = serializers.BooleanField()


class FieldErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with one field."""

    code = serializers.CharField()
    detail = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    """The body of every error."""

    code = serializers.CharField(help_text="Stable; made for programs.")
    detail = serializers.CharField(help_text="Says what to do next; made for people.")
    errors = serializers.DictField(  # type: ignore[assignment]  # DRF takes fields off the class
        child=FieldErrorSerializer(many=True), required=False, help_text="By field; on validation errors alone."
    )
