"""The shapes of requests: bodies and queries."""

from typing import Any

from rest_framework import serializers

from ...models import FileUpload
from ...values import DISPOSITIONS, MAX_EXPIRATION_SECONDS
from .headers import checksum_of
from .numbers import WholeNumberField

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


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
    original_name = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="The name on the device, where the form cannot carry it as it is; the file's own name by default.",
    )
    overwrite = serializers.BooleanField(
        default=False, help_text="Replace your own file of that name, never another user's. Default: `false`."
    )
    checksum_sha256 = serializers.CharField(
        required=False, allow_blank=True, help_text="SHA-256 of the file in hex. On a mismatch nothing is stored."
    )

    def validate_checksum_sha256(self, value: str) -> str:
        """Want 64 hex digits, in either case."""
        return checksum_of(value)


class RawUploadSerializer(serializers.Serializer[Any]):
    """Query and headers of PUT `buckets/../files/../`."""

    overwrite = serializers.BooleanField(
        default=False, help_text="Replace your own file of that name, never another user's. Default: `false`."
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
        choices=DISPOSITIONS,
        default="attachment",
        help_text="Whether a browser saves or shows the file; it shows only what cannot run, and the policy lists. "
        "Default: `attachment`.",
    )


class PageSerializer(serializers.Serializer[Any]):
    """Query of every list."""

    page_size = WholeNumberField(
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
        help_text="Keys with it behind the prefix are rolled up into one of `prefixes`.",
    )


class UploadsWantedSerializer(PageSerializer):
    """Query of GET `uploads/`."""

    bucket = serializers.CharField(required=False, help_text="In this bucket.")
    status = serializers.ChoiceField(choices=FileUpload.Status.values, required=False, help_text="In this state.")
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


class UsageWantedSerializer(serializers.Serializer[Any]):
    """Query of GET `uploads/usage/`."""

    bucket = serializers.CharField(help_text="In this bucket.")
    user_id = serializers.CharField(required=False, help_text="Of this user: yourself; staff may name others.")


class PresignSerializer(serializers.Serializer[Any]):
    """Query (GET) or body (POST) of `file/presigned/url/`."""

    file_name = serializers.CharField(trim_whitespace=False, help_text="The object key of one of your stored files.")
    bucket = serializers.CharField(help_text="Where it lies.")
    expiration = WholeNumberField(
        default=3600,
        min_value=1,
        max_value=MAX_EXPIRATION_SECONDS,
        help_text="Seconds for which the URL works; it ends earlier where the server's own credentials do. "
        "Default: `3600`.",
    )
    disposition = serializers.ChoiceField(
        choices=DISPOSITIONS,
        default="attachment",
        help_text="Whether a browser saves or shows the file; it shows only what cannot run, and the policy lists. "
        "Default: `attachment`.",
    )
