"""The shapes of answers."""

from datetime import UTC
from typing import Any, cast
from urllib.parse import quote

from django.utils import timezone
from django.utils.http import RFC3986_SUBDELIMS
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.reverse import reverse
from rest_framework.utils.urls import replace_query_param

from ...models import FileUpload
from ...policy.bucket_policy import Policy
from ...values import Usage

# GET of an address that ends in `/download/` belongs to another endpoint; without the slash it reads the file.
RESERVED_WITH_SLASH = "/download"

NEVER_READ = frozenset({FileUpload.Status.QUARANTINED, FileUpload.Status.REJECTED})


class UTCDateTimeField(serializers.DateTimeField):
    """A moment as ISO 8601 in UTC, whatever time zone the host project lives in, or none."""

    def to_representation(self, value: Any) -> Any:
        """Return for example 2026-01-31T09:30:00.000000Z."""
        aware = timezone.make_aware(value, timezone.get_default_timezone()) if timezone.is_naive(value) else value
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


time_shown = UTCDateTimeField().to_representation


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
    size = serializers.IntegerField(allow_null=True, help_text="Bytes; before they are stored, as announced, or null.")
    content_type = serializers.CharField()
    etag = serializers.CharField()
    checksum_sha256 = serializers.CharField(
        help_text="Lower-case hex; of a direct upload empty, unless you or S3 told it."
    )
    status = serializers.ChoiceField(choices=FileUpload.Status.values)
    status_reason = serializers.CharField(help_text="Why it was rejected, or what keeps it in quarantine.")
    created_at = UTCDateTimeField()
    completed_at = UTCDateTimeField(allow_null=True)
    url = serializers.SerializerMethodField(
        help_text="Where whoever may read the file gets it; null while it is in quarantine, and when it was rejected."
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Take a `FileUpload`: as the fields would, which describe it and take longer than to write the record."""
        owner, completed_at = instance.user_id, instance.completed_at
        return {
            "id": str(instance.pk),
            "user_id": None if owner is None else str(owner),
            "bucket": instance.bucket,
            "file_name": instance.file_name,
            "original_name": instance.original_name,
            "size": instance.size,
            "content_type": instance.content_type,
            "etag": instance.etag,
            "checksum_sha256": instance.checksum_sha256,
            "status": instance.status,
            "status_reason": instance.status_reason,
            "created_at": time_shown(instance.created_at),
            "completed_at": None if completed_at is None else time_shown(completed_at),
            "url": self.get_url(instance),
        }

    def get_url(self, upload: Any) -> str | None:
        """Return the address of the file itself, which sends on to a fresh presigned URL."""
        if upload.status in NEVER_READ:
            return None
        request: Request | None = self.context.get("request")
        # Found once for a whole page: Django needs longer for a `reverse` than for all the rest of a record.
        bucket_urls: dict[str, str] = cast(dict[str, Any], self.context).setdefault("bucket_urls", {})
        if upload.bucket not in bucket_urls:
            path = {"bucket_name": upload.bucket}
            bucket_urls[upload.bucket] = reverse("s3_service-object-list", kwargs=path, request=request)
        slash = "" if upload.file_name.endswith(RESERVED_WITH_SLASH) else "/"
        return f"{bucket_urls[upload.bucket]}{quote(upload.file_name, safe=RFC3986_SUBDELIMS + '/~:@')}{slash}"


class ListedObjectSerializer(serializers.Serializer[Any]):
    """One object of a bucket."""

    file_name = serializers.CharField(help_text="The object key.")
    size = serializers.IntegerField(help_text="Bytes.")
    etag = serializers.CharField()
    changed_at = UTCDateTimeField(help_text="When the object was last written.")


class ObjectListSerializer(serializers.Serializer[Any]):
    """Answer of GET `buckets/../files/`."""

    next = serializers.SerializerMethodField(help_text="The next page, null on the last.")
    previous = serializers.SerializerMethodField(help_text="Always null: this list goes forward only.")
    prefixes = serializers.ListField(child=serializers.CharField(), help_text="What `delimiter` rolled up.")
    results = ListedObjectSerializer(many=True, source="objects")

    def get_next(self, listing: Any) -> str | None:
        """Return this page's address with another cursor."""
        request: Request = self.context["request"]
        return listing.next_cursor and replace_query_param(request.build_absolute_uri(), "cursor", listing.next_cursor)

    def get_previous(self, listing: Any) -> None:
        """Return nothing: S3 has no way back."""


class UsageSerializer(serializers.Serializer[Any]):
    """Answer of `uploads/usage/`: takes a `Usage` and a `Policy`."""

    bytes = serializers.IntegerField(help_text="Of all your files in the bucket, unfinished uploads included.")
    files = serializers.IntegerField(help_text="The number of them.")
    quota_bytes = serializers.IntegerField(allow_null=True, help_text="How many bytes you may have; null: any number.")
    quota_files = serializers.IntegerField(allow_null=True, help_text="How many files you may have.")
    max_file_bytes = serializers.IntegerField(allow_null=True, help_text="How large one file may be.")
    content_types = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="MIME types that are taken, `image/*` too; null: all."
    )
    extensions = serializers.ListField(
        child=serializers.CharField(), allow_null=True, help_text="Endings of names that are taken; empty text: none."
    )
    key_prefix = serializers.CharField(help_text="What the `file_name` of your files begins with.")
    may_overwrite = serializers.BooleanField(help_text="Whether you may replace a file of yours.")

    def to_representation(self, instance: tuple[Usage, Policy]) -> dict[str, Any]:
        """Show both as one."""
        usage, policy = instance
        names = [str(name) for name in self.fields]
        return {name: getattr(usage if name in ("bytes", "files") else policy, name) for name in names}


class HealthSerializer(serializers.Serializer[Any]):
    """Answer of `health/`: true means reachable."""

    database = serializers.BooleanField()
    storage = serializers.BooleanField()


class LiveSerializer(serializers.Serializer[Any]):
    """Answer of `health/live/`."""

    live = serializers.BooleanField()


class ReadySerializer(serializers.Serializer[Any]):
    """Answer of `health/ready/`: true means reachable."""

    database = serializers.BooleanField()


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
    limit = serializers.DictField(
        required=False,
        help_text="What forbids it, where that is the policy for the bucket: its fields, and your usage.",
    )
