"""The shapes that Uppy sends and reads, in its own spelling; and upload tokens.

The responses are those of Companion: https://uppy.io/docs/aws-s3/ and https://github.com/transloadit/uppy
"""

from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from ...values import MAX_PARTS
from .headers import content_type_of
from .numbers import WholeNumberField
from .responses import UTCDateTimeField

DEFAULT_TOKEN_SECONDS = 3600
# Values that JavaScript sends for "none" where it can only send text.
NOTHING = (None, "", "null", "undefined")
METHODS = ("PUT", "POST", "GET", "DELETE")


class UppyFileSerializer(serializers.Serializer[Any]):
    """The file to upload."""

    filename = serializers.CharField(trim_whitespace=False, help_text="The name on the device.")
    type = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, help_text="The MIME type. Default: derived from the name."
    )
    metadata = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="`bucket`: the bucket. Default: the setting S3_FILE_UPLOADER_UPPY_BUCKET. Other keys are ignored.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of the services; the bucket is None if the request names none."""
        bucket = (attrs.get("metadata") or {}).get("bucket")
        return {
            "file_name": attrs["filename"],
            "content_type": content_type_of(attrs.get("type"), attrs["filename"]),
            "bucket": None if bucket in NOTHING else str(bucket),
        }


class UppyFormSerializer(serializers.Serializer[Any]):
    """The request that sends the file to S3."""

    method = serializers.CharField(help_text="POST; PUT if the store accepts no forms.")
    url = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment]  # DRF takes fields off the class
        child=serializers.CharField(), help_text="Send these fields before the file; `key` is the object key."
    )
    headers = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="Send these headers; only with PUT."
    )
    expires = serializers.IntegerField(help_text="Seconds until the URL expires.")


class UppyMultipartSerializer(serializers.Serializer[Any]):
    """The started upload."""

    key = serializers.CharField(source="file_name", help_text="The object key.")
    uploadId = serializers.CharField(source="id", help_text="The `id` of the record.")  # noqa: N815 - Uppy's word
    bucket = serializers.CharField()


class UppyPartSerializer(serializers.Serializer[Any]):
    """The URL of the part."""

    url = serializers.CharField(help_text="Send the part by PUT, without additional headers.")
    expires = serializers.IntegerField(help_text="Seconds until the URL expires.")


class UppyPartsSerializer(serializers.Serializer[Any]):
    """The URLs of the parts."""

    presignedUrls = serializers.DictField(  # noqa: N815
        child=serializers.CharField(), help_text="The URL of each part, by its number."
    )


class UppyStoredPartSerializer(serializers.Serializer[Any]):
    """A part that S3 holds."""

    PartNumber = serializers.IntegerField(source="part_number")
    ETag = serializers.CharField(source="etag")
    Size = serializers.IntegerField(source="size", help_text="Bytes.")


class UppyPartNumberSerializer(serializers.Serializer[Any]):
    """A part of the file."""

    PartNumber = WholeNumberField(min_value=1, max_value=MAX_PARTS, help_text="Its position in the file, from 1.")
    ETag = serializers.CharField(required=False, allow_blank=True, help_text="Ignored: the server asks S3 for it.")


class UppyCompleteSerializer(serializers.Serializer[Any]):
    """The parts of the file."""

    parts = UppyPartNumberSerializer(  # type: ignore[call-arg]  # `many` returns a list serializer
        many=True, max_length=MAX_PARTS, help_text="Every part of the file."
    )


class UppyCompletedSerializer(serializers.Serializer[Any]):
    """The stored file."""

    location = serializers.CharField(allow_null=True, help_text="The `url` of the record; null in quarantine.")
    key = serializers.CharField(help_text="The object key.")
    bucket = serializers.CharField()


class UppySignSerializer(serializers.Serializer[Any]):
    """The request to sign, as Uppy passes it to `signRequest`."""

    method = serializers.ChoiceField(choices=METHODS, help_text="The method of the request to sign.")
    key = serializers.CharField(
        trim_whitespace=False, help_text="The name of the file to start an upload; after that, the object key."
    )
    uploadId = serializers.CharField(required=False, help_text="The id of a multipart upload, once it is started.")  # noqa: N815
    partNumber = WholeNumberField(  # noqa: N815
        required=False, min_value=1, max_value=MAX_PARTS, help_text="The number of the part to send."
    )
    contentType = serializers.CharField(  # noqa: N815
        required=False, allow_blank=True, allow_null=True, help_text="The MIME type. Default: derived from the name."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Validate which fields go together."""
        method, goes_on = attrs["method"], "uploadId" in attrs
        if method in ("GET", "DELETE") and not goes_on:
            raise serializers.ValidationError({"uploadId": "Name the upload."}, code="required")
        if (method == "PUT" and goes_on) != ("partNumber" in attrs):
            message = "Give it with PUT and uploadId, and with nothing else."
            raise serializers.ValidationError({"partNumber": message}, code="invalid")
        return attrs


class UppySignedSerializer(serializers.Serializer[Any]):
    """The signed request."""

    url = serializers.CharField()
    key = serializers.CharField(required=False, help_text="The object key, if the request starts an upload.")
    headers = serializers.DictField(child=serializers.CharField(), required=False, help_text="Send these headers.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False, help_text="Fields of a form, if the store accepts no PUT."
    )


class UploadTokenCreateSerializer(serializers.Serializer[Any]):
    """The lifetime of the token."""

    expires_in = WholeNumberField(
        default=DEFAULT_TOKEN_SECONDS,
        help_text=f"Seconds, up to S3_FILE_UPLOADER_UPPY_TOKEN_MAX_SECONDS. Default: `{DEFAULT_TOKEN_SECONDS}`.",
    )


class UploadTokenSerializer(serializers.Serializer[Any]):
    """An upload token, without its secret."""

    id = serializers.UUIDField()
    created_at = UTCDateTimeField()
    expires_at = UTCDateTimeField()
    revoked_at = UTCDateTimeField(allow_null=True)


class NewUploadTokenSerializer(serializers.Serializer[Any]):
    """The new token. The server shows it only in this response."""

    id = serializers.UUIDField()
    token = serializers.CharField(source="text")
    endpoint = serializers.SerializerMethodField(help_text="The endpoint for Uppy; it contains the token.")
    expires_at = UTCDateTimeField()

    def get_endpoint(self, token: Any) -> str:
        """Return the address that the endpoints for Uppy begin with, without a final slash."""
        path = {"token": token.text}
        address: str = reverse("s3_service-uppy-token-params", kwargs=path, request=self.context["request"])
        return address.removesuffix("/s3/params")
