"""The shapes of share links."""

from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from .numbers import WholeNumberField
from .responses import UTCDateTimeField


class ShareCreateSerializer(serializers.Serializer[Any]):
    """Body of POST `buckets/../files/../share/`."""

    expires_in = WholeNumberField(
        required=False,
        allow_null=True,
        help_text="Seconds, up to S3_FILE_UPLOADER_SHARE_MAX_SECONDS; a day by default.",
    )
    max_downloads = WholeNumberField(
        required=False, allow_null=True, help_text="How often the link may be followed; any number by default."
    )


class ShareLinkSerializer(serializers.Serializer[Any]):
    """One share link, without what opens it."""

    id = serializers.UUIDField()
    user_id = serializers.CharField(help_text="Primary key of who shared it, as a string.")
    bucket = serializers.CharField(source="upload.bucket")
    file_name = serializers.CharField(source="upload.file_name", help_text="The object key.")
    created_at = UTCDateTimeField()
    expires_at = UTCDateTimeField()
    revoked_at = UTCDateTimeField(allow_null=True)
    max_downloads = serializers.IntegerField(allow_null=True, help_text="Null: any number.")
    downloads = serializers.IntegerField(help_text="How often it was followed.")


class NewShareLinkSerializer(ShareLinkSerializer):
    """Answer of POST `buckets/../files/../share/`: the only time that the link is shown."""

    url = serializers.SerializerMethodField(help_text="The link; whoever has it reads the file.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Take a `NewShareLink`."""
        shown: dict[str, Any] = super().to_representation(instance.link)
        path = {"share": instance.secret}
        shown["url"] = reverse("s3_service-share", kwargs=path, request=self.context["request"])
        return shown

    def get_url(self, link: Any) -> str:
        """Leave it to `to_representation`, which has the secret."""
        return ""
