"""The shapes of requests: bodies and queries."""

from typing import Any

from rest_framework import serializers

from ...models import FileUpload
from ...values import DISPOSITIONS, MAX_EXPIRATION_SECONDS
from .headers import ChecksumField
from .numbers import WholeNumberField

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
OVERWRITE = "Replace your own file of that name; never another user's. Default: `false`."


class DispositionField(serializers.ChoiceField):
    """Whether browsers show a file or save it."""

    def __init__(self) -> None:
        words = "`attachment`: a browser saves the file. `inline`: it shows the file, if its type is safe to show. "
        super().__init__(DISPOSITIONS, default=DISPOSITIONS[0], help_text=f"{words}Default: `{DISPOSITIONS[0]}`.")


class BucketCreateSerializer(serializers.Serializer[Any]):
    """The bucket to create."""

    bucket = serializers.CharField(required=False, help_text="Name of the new bucket.")
    bucket_name = serializers.CharField(required=False, help_text="Alias of `bucket`.")
    region = serializers.RegexField(
        r"^(?![0-9]+$)(?!-)[a-z0-9-]{1,40}(?<!-)$",
        required=False,
        help_text="For example `eu-west-1`. Default: the configured region.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Accept the name under either key, and require one."""
        name = attrs.get("bucket") or attrs.get("bucket_name")
        if not name:
            raise serializers.ValidationError({"bucket": "Give the name of the bucket to create."}, code="required")
        return {"name": name, "region": attrs.get("region")}


class FileUploadFormSerializer(serializers.Serializer[Any]):
    """The file and its bucket, as form-data."""

    file = serializers.FileField(
        allow_empty_file=True, max_length=None, help_text="The file, as a file part with a file name."
    )
    bucket = serializers.CharField(help_text="An existing bucket.")
    user_id = serializers.CharField(
        required=False, allow_blank=True, help_text="The owner of the file. Default: you. Staff may name other users."
    )
    file_name = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="The object key. Default: the name of the file part.",
    )
    original_name = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="The name on the device, if the file part cannot carry it. Default: the name of the file part.",
    )
    overwrite = serializers.BooleanField(default=False, help_text=OVERWRITE)
    checksum_sha256 = ChecksumField(required=False)


class RawUploadSerializer(serializers.Serializer[Any]):
    """Query and checksum header of PUT `buckets/../files/../`."""

    overwrite = serializers.BooleanField(default=False, help_text=OVERWRITE)
    own_key = serializers.BooleanField(
        default=False,
        help_text="Store the file under a key of its own, as a direct upload. The address then ends in the name of the "
        "file, and nothing is replaced. Default: `false`.",
    )
    x_checksum_sha256 = ChecksumField()


class ReadSerializer(serializers.Serializer[Any]):
    """Query of GET and HEAD `buckets/../files/../`."""

    proxy = serializers.BooleanField(
        default=False, help_text="Send the bytes through this server, for clients that cannot reach S3."
    )
    disposition = DispositionField()


class PageSerializer(serializers.Serializer[Any]):
    """Query of every list."""

    page_size = WholeNumberField(
        default=DEFAULT_PAGE_SIZE, min_value=1, max_value=MAX_PAGE_SIZE, help_text="Results per page."
    )
    cursor = serializers.CharField(
        required=False, help_text="Where the page begins: copy it from `next` or `previous`."
    )


class ObjectListQuerySerializer(PageSerializer):
    """Query of GET `buckets/../files/`."""

    prefix = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, help_text="List only object keys that begin with this."
    )
    delimiter = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Group keys that contain this after the prefix; `prefixes` lists the groups.",
    )


class FolderQuerySerializer(PageSerializer):
    """Query of GET `uploads/folder/`."""

    bucket = serializers.CharField(help_text="The bucket.")
    prefix = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, help_text="List only paths that begin with this."
    )
    delimiter = serializers.CharField(
        default="/",
        allow_blank=True,
        trim_whitespace=False,
        help_text="Group paths that contain this after the prefix; `prefixes` lists the groups. Empty: no groups. "
        "Default: `/`.",
    )
    user_id = serializers.CharField(
        required=False, help_text="Only files of this user: you. Staff may name other users."
    )


class UploadListQuerySerializer(PageSerializer):
    """Query of GET `uploads/`."""

    bucket = serializers.CharField(required=False, help_text="Only uploads to this bucket.")
    status = serializers.ChoiceField(
        choices=FileUpload.Status.values, required=False, help_text="Only uploads with this status."
    )
    content_type = serializers.CharField(required=False, help_text="Only files of exactly this MIME type.")
    file_name = serializers.CharField(
        required=False, trim_whitespace=False, help_text="Only object keys that contain this; case matters."
    )
    created_after = serializers.DateTimeField(required=False, help_text="Only uploads that began later (ISO 8601).")
    created_before = serializers.DateTimeField(required=False, help_text="Only uploads that began earlier (ISO 8601).")
    user_id = serializers.CharField(
        required=False, help_text="Only uploads of this user: you. Staff may name other users."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Drop the cursor: the pagination class reads it."""
        attrs.pop("cursor", None)
        return attrs


class UsageQuerySerializer(serializers.Serializer[Any]):
    """Query of GET `uploads/usage/`."""

    bucket = serializers.CharField(help_text="The bucket.")
    user_id = serializers.CharField(required=False, help_text="The user. Default: you. Staff may name other users.")


class PresignSerializer(serializers.Serializer[Any]):
    """The file, and how long its URL works."""

    file_name = serializers.CharField(trim_whitespace=False, help_text="The object key of one of your stored files.")
    bucket = serializers.CharField(help_text="The bucket of the file.")
    expiration = WholeNumberField(
        default=3600,
        min_value=1,
        max_value=MAX_EXPIRATION_SECONDS,
        help_text="Seconds until the URL expires; it expires earlier if the server's own credentials do. "
        "Default: `3600`.",
    )
    disposition = DispositionField()
