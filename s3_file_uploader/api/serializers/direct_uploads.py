"""Direct uploads: the shapes of requests, and of the requests that the client sends to S3.

An upload has up to 10,000 parts, so plain functions serialize them: the fields only describe them in the schema.
"""

from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from ...models import FileUpload
from ...values import (
    MAX_OBJECT_BYTES,
    MAX_PARTS,
    USUAL_MAX_OBJECT_BYTES,
    Part,
    PostTransfer,
    PutTransfer,
    SignedParts,
    Transfer,
    UploadProgress,
)
from .headers import ChecksumField, content_type_of
from .numbers import WholeNumberField
from .responses import UploadSerializer, UTCDateTimeField, time_shown

AUTO = "auto"

# --- requests --------------------------------------------------------------------------------------------------------


class UploadStartSerializer(serializers.Serializer[Any]):
    """The file to upload."""

    bucket = serializers.CharField(help_text="An existing bucket.")
    file_name = serializers.CharField(
        trim_whitespace=False, help_text="The name on the device; the object key ends with it."
    )
    size = WholeNumberField(
        min_value=0, help_text=f"Bytes, up to {MAX_OBJECT_BYTES} on AWS, and {USUAL_MAX_OBJECT_BYTES} on other stores."
    )
    content_type = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, help_text="MIME type. Default: derived from the name."
    )
    checksum_sha256 = ChecksumField(required=False, allow_null=True)
    strategy = serializers.ChoiceField(
        choices=(AUTO, *FileUpload.Strategy.values),
        default=AUTO,
        help_text=f"`auto` decides by size. Default: `{AUTO}`.",
    )
    user_id = serializers.CharField(
        required=False,
        allow_blank=True,
        allow_null=True,
        help_text="The owner of the file. Default: you. Staff may name other users.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Add the content type that the name suggests, if the request has none."""
        return {**attrs, "content_type": content_type_of(attrs.get("content_type"), attrs["file_name"])}


class PartNumbersField(serializers.ListField):
    """Part numbers, validated all at once: one by one, this would take longer than signing their URLs."""

    child = WholeNumberField(min_value=1, max_value=MAX_PARTS)

    def to_internal_value(self, data: Any) -> Any:
        """Return integers unchanged: the service validates their range against the upload."""
        if isinstance(data, list) and set(map(type, data)) <= {int}:
            return data
        return super().to_internal_value(data)


class PartNumbersSerializer(serializers.Serializer[Any]):
    """The parts to sign, selected in one of three ways."""

    part_numbers = PartNumbersField(required=False, min_length=1, max_length=MAX_PARTS, help_text="Sign these parts.")
    first = WholeNumberField(
        required=False, min_value=1, max_value=MAX_PARTS, help_text="With `last`: sign every part from this number on."
    )
    last = WholeNumberField(
        required=False, min_value=1, max_value=MAX_PARTS, help_text="With `first`: sign every part up to this number."
    )
    missing = serializers.BooleanField(required=False, help_text="`true`: sign every part that S3 does not hold yet.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Require exactly one of the three ways; None stands for the missing parts."""
        given = {name for name, value in attrs.items() if value is not False}
        if given == {"part_numbers"}:
            return {"part_numbers": attrs["part_numbers"]}
        if given == {"missing"}:
            return {"part_numbers": None}
        if given == {"first", "last"}:
            return {"part_numbers": _from_to(attrs["first"], attrs["last"])}
        message = "Give part_numbers, or first and last, or missing=true: one of the three."
        raise serializers.ValidationError({"part_numbers": message}, code="required")


def _from_to(first: int, last: int) -> range:
    if last < first:
        raise serializers.ValidationError({"last": "Give a number that is not smaller than first."})
    return range(first, last + 1)


# --- responses -------------------------------------------------------------------------------------------------------


class PutTransferSerializer(serializers.Serializer[Any]):
    """Send the file as the body of one request."""

    strategy = serializers.ChoiceField(choices=[FileUpload.Strategy.PUT.value])
    method = serializers.CharField(help_text="`PUT`.")
    url = serializers.CharField(help_text="The URL to send it to; it needs no other credentials.")
    headers = serializers.DictField(
        child=serializers.CharField(), help_text="Send these headers unchanged, and the Content-Length of the file."
    )
    expires_at = UTCDateTimeField()


class PostTransferSerializer(serializers.Serializer[Any]):
    """Send the file as form-data."""

    strategy = serializers.ChoiceField(choices=[FileUpload.Strategy.POST.value])
    method = serializers.CharField(help_text="`POST`.")
    url = serializers.CharField(help_text="The URL to send it to; it needs no other credentials.")
    fields = serializers.DictField(  # type: ignore[assignment]  # DRF takes fields off the class
        child=serializers.CharField(),
        help_text="Send these fields unchanged and first, then the file as the last field, `file`.",
    )
    expires_at = UTCDateTimeField()


class PartSerializer(serializers.Serializer[Any]):
    """Send these bytes of the file by PUT, without additional headers."""

    part_number = serializers.IntegerField()
    url = serializers.CharField(help_text="The URL to send it to; it needs no other credentials.")
    offset = serializers.IntegerField(
        allow_null=True, help_text="Bytes before this part; null if the size of the file is unknown, as with Uppy."
    )
    size = serializers.IntegerField(
        allow_null=True, help_text="Bytes of this part; null if the size of the file is unknown."
    )


class MultipartTransferSerializer(serializers.Serializer[Any]):
    """Send the file in parts; POST to `parts/` for the URLs of parts that are not listed here."""

    strategy = serializers.ChoiceField(choices=[FileUpload.Strategy.MULTIPART.value])
    part_size = serializers.IntegerField(help_text="Bytes of every part except the last.")
    part_count = serializers.IntegerField()
    parts = PartSerializer(many=True)
    expires_at = UTCDateTimeField()


class StartedUploadSerializer(UploadSerializer):
    """The record, and as `transfer` the requests that the client sends to S3."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Return a `StartedUpload` as JSON."""
        return {**super().to_representation(instance.upload), "transfer": _transfer_shown(instance.transfer)}


class SignedPartsSerializer(serializers.Serializer[Any]):
    """The URLs of the parts."""

    parts = PartSerializer(many=True)
    expires_at = UTCDateTimeField()

    def to_representation(self, instance: SignedParts) -> dict[str, Any]:
        """Return `SignedParts` as JSON."""
        return {"parts": _parts_shown(instance.parts), "expires_at": time_shown(instance.expires_at)}


class StoredPartSerializer(serializers.Serializer[Any]):
    """A part that S3 holds."""

    part_number = serializers.IntegerField()
    size = serializers.IntegerField(help_text="Bytes.")
    etag = serializers.CharField()


class UploadProgressSerializer(serializers.Serializer[Any]):
    """The parts that S3 holds, and the numbers of the missing ones."""

    parts = StoredPartSerializer(many=True)
    missing = serializers.ListField(
        child=serializers.IntegerField(), help_text="Numbers of the parts that S3 does not hold yet."
    )

    def to_representation(self, instance: UploadProgress) -> dict[str, Any]:
        """Return an `UploadProgress` as JSON."""
        held = [{"part_number": part.part_number, "size": part.size, "etag": part.etag} for part in instance.parts]
        return {"parts": held, "missing": list(instance.missing)}


def _transfer_shown(transfer: Transfer | None) -> dict[str, Any] | None:
    shown: dict[str, Any]
    match transfer:
        case None:
            return None
        case PutTransfer(method, url, headers):
            shown = {"strategy": "put", "method": method, "url": url, "headers": headers}
        case PostTransfer(url, fields):
            shown = {"strategy": "post", "method": "POST", "url": url, "fields": fields}
        case _:
            sizes = {"part_size": transfer.part_size, "part_count": transfer.part_count}
            shown = {"strategy": "multipart", **sizes, "parts": _parts_shown(transfer.parts)}
    return {**shown, "expires_at": time_shown(transfer.expires_at)}


def _parts_shown(parts: Iterable[Part]) -> list[dict[str, Any]]:
    return [{"part_number": number, "url": url, "offset": offset, "size": size} for number, url, offset, size in parts]
