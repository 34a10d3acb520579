"""Serialize share links."""

from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from .numbers import WholeNumberField
from .requests import PageSerializer
from .responses import UTCDateTimeField


class ShareCreateSerializer(serializers.Serializer[Any]):
    """The file to share, and the limits of its link."""

    bucket = serializers.CharField(help_text="The bucket of the file.")
    file_name = serializers.CharField(trim_whitespace=False, help_text="The object key of a stored file.")
    expires_in = WholeNumberField(
        required=False,
        allow_null=True,
        help_text="Seconds, up to S3_FILE_UPLOADER_SHARE_MAX_SECONDS. Default: a day.",
    )
    max_downloads = WholeNumberField(
        required=False, allow_null=True, help_text="How often clients may follow the link. Default: no limit."
    )


class ShareListQuerySerializer(PageSerializer):
    """Query of GET `shares/`."""

    bucket = serializers.CharField(required=False, help_text="With `file_name`: the links to this file.")
    file_name = serializers.CharField(
        required=False, trim_whitespace=False, help_text="The object key; without it, the links that you made."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require both names or none, and leave the cursor to the pages."""
        attrs.pop("cursor", None)
        missing = {"bucket", "file_name"} - attrs.keys()
        if len(missing) == 1:
            raise serializers.ValidationError(
                {missing.pop(): "Send bucket and file_name, or neither of them."}, code="required"
            )
        return attrs


class ShareLinkSerializer(serializers.Serializer[Any]):
    """One share link without its secret."""

    id = serializers.UUIDField()
    user_id = serializers.CharField(help_text="Primary key of the user who made the link, as a string.")
    bucket = serializers.CharField(source="upload.bucket")
    file_name = serializers.CharField(source="upload.file_name", help_text="The object key.")
    created_at = UTCDateTimeField()
    expires_at = UTCDateTimeField()
    revoked_at = UTCDateTimeField(allow_null=True)
    max_downloads = serializers.IntegerField(allow_null=True, help_text="Null: no limit.")
    downloads = serializers.IntegerField(help_text="How often clients followed it.")


class NewShareLinkSerializer(ShareLinkSerializer):
    """The new link. The server shows `url` only in this response."""

    url = serializers.SerializerMethodField(help_text="The link; it lets clients without an account read the file.")

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Serialize a `NewShareLink`."""
        data: dict[str, Any] = super().to_representation(instance.link)
        path = {"share": instance.secret}
        data["url"] = reverse("s3_service-share", kwargs=path, request=self.context["request"])
        return data

    def get_url(self, link: Any) -> str:
        """Return nothing: `to_representation` has the secret."""
        return ""
