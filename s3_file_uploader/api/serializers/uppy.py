"""The shapes that Uppy sends and reads, in its own spelling; and upload tokens.

Uppy reads what Companion answers: https://uppy.io/docs/aws-s3/ and https://github.com/transloadit/uppy
"""

from typing import Any

from rest_framework import serializers
from rest_framework.reverse import reverse

from ...values import MAX_PARTS
from .headers import content_type_of
from .numbers import WholeNumberField
from .responses import UTCDateTimeField

DEFAULT_TOKEN_SECONDS = 3600
# What JavaScript makes of nothing where only text can be sent.
NOTHING = (None, "", "null", "undefined")
METHODS = ("PUT", "POST", "GET", "DELETE")


class UppyFileSerializer(serializers.Serializer[Any]):
    """Query of GET `s3/params`, body of POST `s3/multipart`."""

    filename = serializers.CharField(trim_whitespace=False, help_text="The name on the device.")
    type = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, help_text="The MIME type; by the name if there is none."
    )
    metadata = serializers.DictField(
        required=False,
        allow_null=True,
        help_text="`bucket` names another than S3_FILE_UPLOADER_UPPY_BUCKET; all else is ignored.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the file as the services know it; without a bucket if none is named."""
        bucket = (attrs.get("metadata") or {}).get("bucket")
        return {
            "file_name": attrs["filename"],
            "content_type": content_type_of(attrs.get("type"), attrs["filename"]),
            "bucket": None if bucket in NOTHING else str(bucket),
        }


class UppyFormSerializer(serializers.Serializer[Any]):
    """Answer of GET `s3/params`."""

    method = serializers.CharField(help_text="POST; PUT where the store takes no forms.")
    url = serializers.CharField()
    fields = serializers.DictField(  # type: ignore[assignment]  # DRF takes fields off the class
        child=serializers.CharField(), help_text="To be sent before the file; `key` is the object key."
    )
    headers = serializers.DictField(
        child=serializers.CharField(), required=False, help_text="To be sent with it; with PUT alone."
    )
    expires = serializers.IntegerField(help_text="Seconds.")


class UppyMultipartSerializer(serializers.Serializer[Any]):
    """Answer of POST `s3/multipart`."""

    key = serializers.CharField(source="file_name", help_text="The object key.")
    uploadId = serializers.CharField(source="id", help_text="The `id` of the record.")  # noqa: N815 - Uppy's word
    bucket = serializers.CharField()


class UppyPartSerializer(serializers.Serializer[Any]):
    """Answer of GET `s3/multipart/{uploadId}/{partNumber}`."""

    url = serializers.CharField(help_text="Send the part by PUT, with no header of your own.")
    expires = serializers.IntegerField(help_text="Seconds.")


class UppyPartsSerializer(serializers.Serializer[Any]):
    """Answer of GET `s3/multipart/{uploadId}/batch`."""

    presignedUrls = serializers.DictField(  # noqa: N815
        child=serializers.CharField(), help_text="By the number of the part."
    )


class UppyStoredPartSerializer(serializers.Serializer[Any]):
    """One of the answer of GET `s3/multipart/{uploadId}`."""

    PartNumber = serializers.IntegerField(source="part_number")
    ETag = serializers.CharField(source="etag")
    Size = serializers.IntegerField(source="size", help_text="Bytes.")


class UppyPartNumberSerializer(serializers.Serializer[Any]):
    """One of the parts that make the file."""

    PartNumber = WholeNumberField(min_value=1, max_value=MAX_PARTS, help_text="In the order of the file.")
    ETag = serializers.CharField(required=False, allow_blank=True, help_text="Not needed: S3 knows it.")


class UppyCompleteSerializer(serializers.Serializer[Any]):
    """Body of POST `s3/multipart/{uploadId}/complete`."""

    parts = UppyPartNumberSerializer(  # type: ignore[call-arg]  # of the list that `many` makes of it
        many=True, max_length=MAX_PARTS, help_text="All parts of the file."
    )


class UppyCompletedSerializer(serializers.Serializer[Any]):
    """Answer of POST `s3/multipart/{uploadId}/complete`."""

    location = serializers.CharField(allow_null=True, help_text="The `url` of the record; null in quarantine.")
    key = serializers.CharField(help_text="The object key.")
    bucket = serializers.CharField()


class UppySignSerializer(serializers.Serializer[Any]):
    """Body of POST `sign`: the request that Uppy 6 is about to make, as it tells `signRequest`."""

    method = serializers.ChoiceField(choices=METHODS, help_text="What Uppy is about to do.")
    key = serializers.CharField(trim_whitespace=False, help_text="A name to begin with, then the object key.")
    uploadId = serializers.CharField(required=False, help_text="Of parts, from the first answer on.")  # noqa: N815
    partNumber = WholeNumberField(  # noqa: N815
        required=False, min_value=1, max_value=MAX_PARTS, help_text="Of the part to be sent."
    )
    contentType = serializers.CharField(  # noqa: N815
        required=False, allow_blank=True, allow_null=True, help_text="The MIME type; by the name if there is none."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Want what goes together."""
        method, goes_on = attrs["method"], "uploadId" in attrs
        if method in ("GET", "DELETE") and not goes_on:
            raise serializers.ValidationError({"uploadId": "Name the upload."}, code="required")
        if (method == "PUT" and goes_on) != ("partNumber" in attrs):
            wanted = "Give it with PUT and uploadId, and with nothing else."
            raise serializers.ValidationError({"partNumber": wanted}, code="invalid")
        return attrs


class UppySignedSerializer(serializers.Serializer[Any]):
    """Answer of POST `sign`."""

    url = serializers.CharField()
    key = serializers.CharField(required=False, help_text="The object key, where an upload begins.")
    headers = serializers.DictField(child=serializers.CharField(), required=False, help_text="To be sent with it.")
    fields = serializers.DictField(  # type: ignore[assignment]
        child=serializers.CharField(), required=False, help_text="Of a form, where the store takes no PUT."
    )


class UploadTokenCreateSerializer(serializers.Serializer[Any]):
    """Body of POST `uppy/tokens/`."""

    expires_in = WholeNumberField(
        default=DEFAULT_TOKEN_SECONDS,
        help_text=f"Seconds, up to S3_FILE_UPLOADER_UPPY_TOKEN_MAX_SECONDS. Default: `{DEFAULT_TOKEN_SECONDS}`.",
    )


class UploadTokenSerializer(serializers.Serializer[Any]):
    """One of the list of tokens."""

    id = serializers.UUIDField()
    created_at = UTCDateTimeField()
    expires_at = UTCDateTimeField()
    revoked_at = UTCDateTimeField(allow_null=True)


class NewUploadTokenSerializer(serializers.Serializer[Any]):
    """Answer of POST `uppy/tokens/`: the only time that the token is shown."""

    id = serializers.UUIDField()
    token = serializers.CharField(source="text")
    endpoint = serializers.SerializerMethodField(help_text="For Uppy; the token is in it.")
    expires_at = UTCDateTimeField()

    def get_endpoint(self, token: Any) -> str:
        """Return the address below which the token opens what Uppy asks for; no slash at its end."""
        path = {"token": token.text}
        address: str = reverse("s3_service-uppy-token-params", kwargs=path, request=self.context["request"])
        return address.removesuffix("/s3/params")
