"""The shapes of responses."""

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

# GET of a file whose name ends like this, with a slash after it, is another endpoint: such URLs have no final slash.
RESERVED_WITH_SLASH = "/download"

NEVER_READ = frozenset({FileUpload.Status.QUARANTINED, FileUpload.Status.REJECTED})


class UTCDateTimeField(serializers.DateTimeField):
    """A moment as ISO 8601 in UTC, whatever the time zone of the host project is, and without one."""

    def to_representation(self, value: Any) -> Any:
        """Return for example 2026-01-31T09:30:00.000000Z."""
        aware = timezone.make_aware(value, timezone.get_default_timezone()) if timezone.is_naive(value) else value
        return aware.astimezone(UTC).isoformat().replace("+00:00", "Z")


time_shown = UTCDateTimeField().to_representation


class BucketSerializer(serializers.Serializer[Any]):
    """A bucket."""

    name = serializers.CharField()
    created_at = UTCDateTimeField()
    region = serializers.CharField()


class BucketListSerializer(serializers.Serializer[Any]):
    """The buckets and their owner."""

    owner_id = serializers.CharField(help_text="The owner of the buckets, from S3. Removing a bucket requires it.")
    buckets = BucketSerializer(many=True)


class CreatedBucketSerializer(serializers.Serializer[Any]):
    """The new bucket."""

    name = serializers.CharField()
    region = serializers.CharField()
    location = serializers.CharField(help_text="A path or a URL, from S3.")


class SavedFileSerializer(serializers.Serializer[Any]):
    """The saved file."""

    path = serializers.CharField(help_text="Relative to PATH_TO_SAVE_FILE on the server.")
    file_name = serializers.CharField()
    bucket = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    etag = serializers.CharField()


class PresignedUrlSerializer(serializers.Serializer[Any]):
    """The presigned URL."""

    url = serializers.CharField(help_text="Works without other credentials until it expires.")
    method = serializers.CharField()
    expires_in = serializers.IntegerField(source="expires_in_seconds", help_text="Seconds.")
    expires_at = UTCDateTimeField()


class UploadSerializer(serializers.Serializer[Any]):
    """The record of an upload."""

    id = serializers.UUIDField()
    user_id = serializers.CharField(allow_null=True, help_text="Primary key of the owner, as a string.")
    bucket = serializers.CharField()
    file_name = serializers.CharField(help_text="The object key.")
    path = serializers.CharField(help_text="The object key as users see it: without the id of a direct upload.")
    original_name = serializers.CharField()
    size = serializers.IntegerField(
        allow_null=True, help_text="Bytes; until the file is stored, the announced size or null."
    )
    content_type = serializers.CharField()
    etag = serializers.CharField()
    checksum_sha256 = serializers.CharField(
        help_text="Lower-case hex. Empty for a direct upload, unless the client or S3 gave it."
    )
    status = serializers.ChoiceField(choices=FileUpload.Status.values)
    status_reason = serializers.CharField(help_text="Why the file was rejected or is in quarantine; otherwise empty.")
    created_at = UTCDateTimeField()
    completed_at = UTCDateTimeField(allow_null=True)
    url = serializers.SerializerMethodField(
        help_text="The address of the file, for users who may read it; null in quarantine and after a rejection."
    )

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return a `FileUpload` as the fields would, but faster: the fields take longer than writing the record."""
        owner, completed_at = instance.user_id, instance.completed_at
        return {
            "id": str(instance.pk),
            "user_id": None if owner is None else str(owner),
            "bucket": instance.bucket,
            "file_name": instance.file_name,
            "path": instance.path,
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
        """Return the address of the file, which redirects to a fresh presigned URL."""
        if upload.status in NEVER_READ:
            return None
        request: Request | None = self.context.get("request")
        # Reversed once per bucket of a page: one `reverse` takes longer than the rest of a record.
        bucket_urls: dict[str, str] = cast(dict[str, Any], self.context).setdefault("bucket_urls", {})
        if upload.bucket not in bucket_urls:
            path = {"bucket_name": upload.bucket}
            bucket_urls[upload.bucket] = reverse("s3_service-object-list", kwargs=path, request=request)
        slash = "" if upload.file_name.endswith(RESERVED_WITH_SLASH) else "/"
        return f"{bucket_urls[upload.bucket]}{quote(upload.file_name, safe=RFC3986_SUBDELIMS + '/~:@')}{slash}"


class ListedObjectSerializer(serializers.Serializer[Any]):
    """An object in a bucket."""

    file_name = serializers.CharField(help_text="The object key.")
    size = serializers.IntegerField(help_text="Bytes.")
    etag = serializers.CharField()
    changed_at = UTCDateTimeField(help_text="When the object was last written.")


class ForwardPageSerializer(serializers.Serializer[Any]):
    """One page of a list that is read forward only."""

    next = serializers.SerializerMethodField(help_text="URL of the next page; null on the last.")
    previous = serializers.CharField(
        allow_null=True, read_only=True, default=None, help_text="Always null: the list is read forward only."
    )
    prefixes = serializers.ListField(child=serializers.CharField(), help_text="The groups that `delimiter` made.")

    def get_next(self, listing: Any) -> str | None:
        """Return the address of this page with the next cursor."""
        request: Request = self.context["request"]
        return listing.next_cursor and replace_query_param(request.build_absolute_uri(), "cursor", listing.next_cursor)


class ObjectListSerializer(ForwardPageSerializer):
    """One page of objects."""

    results = ListedObjectSerializer(many=True, source="objects")


class FolderSerializer(ForwardPageSerializer):
    """One page of a folder."""

    results = UploadSerializer(many=True, source="uploads")


class UsageSerializer(serializers.Serializer[Any]):
    """Usage and limits of a user in a bucket."""

    bytes = serializers.IntegerField(help_text="Bytes of all your files in the bucket, unfinished uploads included.")
    files = serializers.IntegerField(help_text="Number of those files.")
    quota_bytes = serializers.IntegerField(allow_null=True, help_text="Maximum of bytes; null if unlimited.")
    quota_files = serializers.IntegerField(allow_null=True, help_text="Maximum of files; null if unlimited.")
    max_file_bytes = serializers.IntegerField(
        allow_null=True, help_text="Maximum bytes of one file; null if unlimited."
    )
    content_types = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Accepted MIME types and groups such as `image/*`; null for all.",
    )
    extensions = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="Accepted file name endings, an empty string for none; null for all.",
    )
    key_prefix = serializers.CharField(help_text="Every `file_name` of yours begins with this.")
    may_overwrite = serializers.BooleanField(help_text="You may replace your own files.")

    def to_representation(self, instance: tuple[Usage, Policy]) -> dict[str, Any]:
        """Return a `Usage` and a `Policy` as one object."""
        usage, policy = instance
        names = [str(name) for name in self.fields]
        return {name: getattr(usage if name in ("bytes", "files") else policy, name) for name in names}


class HealthSerializer(serializers.Serializer[Any]):
    """The database and S3 can be reached."""

    database = serializers.BooleanField()
    storage = serializers.BooleanField()


class LiveSerializer(serializers.Serializer[Any]):
    """The process serves requests."""

    live = serializers.BooleanField()


class ReadySerializer(serializers.Serializer[Any]):
    """The database can be reached."""

    database = serializers.BooleanField()


class FieldErrorSerializer(serializers.Serializer[Any]):
    """An error of one field."""

    code = serializers.CharField()
    detail = serializers.CharField()


class ErrorSerializer(serializers.Serializer[Any]):
    """The body of every error."""

    code = serializers.CharField(help_text="A stable code, for programs.")
    detail = serializers.CharField(help_text="A message for people, with the next step.")
    errors = serializers.DictField(  # type: ignore[assignment]  # DRF takes fields off the class
        child=FieldErrorSerializer(many=True),
        required=False,
        help_text="The errors of each field; only for validation errors.",
    )
    limit = serializers.DictField(
        required=False,
        help_text="The limits of the bucket's policy that forbid the request, and your usage.",
    )
