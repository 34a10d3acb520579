"""Serializers attach uploads by their ids, with errors in the place of the field."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.urls import path
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers
from rest_framework.generics import CreateAPIView
from rest_framework.test import APIRequestFactory

from s3_file_uploader.attachments import UploadModelSerializer, UploadSerializerField
from s3_file_uploader.models import FileUpload
from tests.gallery.models import Profile, Report
from tests.unit.attachments.conftest import is_attached

pytestmark = pytest.mark.django_db


class ProfileSerializer(UploadModelSerializer):
    class Meta:
        model = Profile
        fields = ("name", "avatar", "logo", "user")


class ReportSerializer(serializers.ModelSerializer[Any]):
    attachments = UploadSerializerField(many=True, required=False)

    class Meta:
        model = Report
        fields = ("title", "attachments")


class PlainSerializer(serializers.Serializer[Any]):
    file = UploadSerializerField(content_types=["image/*"])


def check(serializer, user, data, instance=None, **options):
    request = APIRequestFactory().post("/")
    request.user = user
    return serializer(instance, data=data, context={"request": request}, **options)


def codes(serializer):
    assert not serializer.is_valid()
    return {name: [str(detail.code) for detail in details] for name, details in serializer.errors.items()}


def test_own_upload_is_attached_and_shown(user, upload):
    serializer = check(ProfileSerializer, user, {"avatar": str(upload.pk)})
    assert serializer.is_valid(), serializer.errors
    assert serializer.save().avatar == upload
    assert is_attached(upload)
    shown = serializer.data["avatar"]
    assert {name: shown[name] for name in ("id", "original_name", "size", "content_type", "status")} == {
        "id": str(upload.pk),
        "original_name": "photo.png",
        "size": 7,
        "content_type": "text/plain",
        "status": "stored",
    }
    assert "X-Amz-Expires=300&" in shown["url"]
    assert shown["expires_at"].endswith("Z")
    assert serializer.data["logo"] is None


@pytest.mark.parametrize("value", ["no-id", {}, 7, "11111111-2222-3333-4444-555555555555"])
def test_unknown_id_is_refused(user, value):
    (code,) = codes(check(ProfileSerializer, user, {"avatar": value}))["avatar"]
    assert code == ("upload_not_found" if isinstance(value, str) and len(value) > 9 else "invalid")


@pytest.mark.parametrize("who", ["other", "staff", "anonymous"])
def test_upload_of_another_user_is_refused(request, upload, who):
    caller = AnonymousUser() if who == "anonymous" else request.getfixturevalue(who)
    assert codes(check(ProfileSerializer, caller, {"avatar": str(upload.pk)})) == {"avatar": ["upload_not_found"]}


def test_limits_of_the_field_are_errors_of_the_field(user, upload_of):
    for upload, code in (
        (upload_of(user, b"<p>", "a.txt", "text/html"), "content_type_not_allowed"),
        (upload_of(user, name="a.md"), "content_type_not_allowed"),
        (upload_of(user, b"x" * 101), "file_too_large"),
    ):
        assert codes(check(ProfileSerializer, user, {"avatar": str(upload.pk)})) == {"avatar": [code]}
    many = [str(upload.pk), str(upload_of(user).pk)]
    assert codes(check(ReportSerializer, user, {"attachments": many})) == {"attachments": ["file_too_large"]}
    assert codes(check(PlainSerializer, user, {"file": many[1]})) == {"file": ["content_type_not_allowed"]}


def test_list_of_too_many_ids_is_refused_without_a_query(user, django_assert_num_queries):
    with django_assert_num_queries(0):
        refused = check(ReportSerializer, user, {"attachments": ["no-id"] * 1001})
        assert codes(refused) == {"attachments": ["too_many"]}


@pytest.mark.parametrize(("status", "code"), [("quarantined", "quarantined"), ("pending", "file_not_found")])
def test_upload_that_is_not_stored_is_refused(user, upload, status, code):
    FileUpload.objects.update(status=status)
    assert codes(check(ProfileSerializer, user, {"avatar": str(upload.pk)})) == {"avatar": [code]}


def test_attached_upload_passes_for_its_own_row_only(user, other, upload, profile):
    data = {"avatar": str(upload.pk), "name": "new"}
    assert codes(check(ProfileSerializer, user, data)) == {"avatar": ["file_in_use"]}
    serializer = check(ProfileSerializer, other, data, profile)
    assert serializer.is_valid(), "Another user may change the rest of the row."
    assert serializer.save().name == "new"


def test_many_keep_their_order_and_their_present_files(user, other, upload_of):
    ids = [str(upload_of(user).pk) for _ in range(3)]
    serializer = check(ReportSerializer, user, {"title": "one", "attachments": ids})
    assert serializer.is_valid()
    report = serializer.save()
    assert [file["id"] for file in ReportSerializer(report).data["attachments"]] == ids
    serializer = check(ReportSerializer, other, {"attachments": ids[1:]}, report, partial=True)
    assert serializer.is_valid()
    assert check(ReportSerializer, user, {"attachments": "no list"}).is_valid() is False


def test_file_that_cannot_be_read_has_no_url(profile):
    FileUpload.objects.update(status="quarantined")
    shown = ProfileSerializer(Profile.objects.get()).data["avatar"]
    assert (shown["status"], shown["url"], shown["expires_at"]) == ("quarantined", None, None)


def test_read_only_field_only_shows(profile):
    field = UploadSerializerField(read_only=True)
    assert field.to_representation(profile.avatar)["original_name"] == "photo.png"
    assert field.queryset is None


def test_choices_are_the_stored_uploads_of_the_caller(user, other, upload, upload_of):
    upload_of(other)
    field = check(PlainSerializer, user, {}).fields["file"]
    assert list(field.get_choices()) == [str(upload.pk)]
    assert list(PlainSerializer().fields["file"].get_choices()) == []


def test_schema_takes_an_id_and_shows_a_file():
    class ReportView(CreateAPIView):
        serializer_class = ReportSerializer

    schema = SchemaGenerator(patterns=[path("reports/", ReportView.as_view())]).get_schema(request=None, public=True)
    components = schema["components"]["schemas"]
    sent = components["ReportRequest"]["properties"]["attachments"]
    assert (sent["type"], sent["items"]["format"]) == ("array", "uuid")
    shown = components["Report"]["properties"]["attachments"]
    assert shown["items"] == {"$ref": "#/components/schemas/S3AttachedUpload"}
    file = components["S3AttachedUpload"]["properties"]
    assert file["url"]["nullable"]
    assert "S3UploadStatus" in str(file["status"])
