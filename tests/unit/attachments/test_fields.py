"""Fields are Django's own, with limits."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import models
from django.db.migrations.writer import MigrationWriter

import s3_file_uploader.attachments as room
from s3_file_uploader.attachments import UploadField, UploadsField
from s3_file_uploader.checks.attachments import check_fields
from s3_file_uploader.exceptions import FileNotFound, FileQuarantined, FileRejected, InvalidField
from s3_file_uploader.models import FileUpload
from s3_file_uploader.values import mib
from tests.gallery.models import Profile

pytestmark = pytest.mark.django_db


def test_migrations_are_stable(capsys):
    call_command("makemigrations", "gallery", "--check", "--dry-run")
    assert "No changes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("field", "written"),
    [
        (UploadField(), "UploadField()"),
        (UploadField(null=False, bucket="photos"), "UploadField(null=False)"),
        (
            UploadField(content_types=("IMAGE/*",), extensions="PNG", max_bytes=mib(1), cleanup="keep", shared=True),
            "UploadField(cleanup='keep', content_types=['image/*'], extensions=['png'], max_bytes=1048576, "
            "shared=True)",
        ),
        (
            UploadField(on_delete=models.CASCADE, related_name="owners", db_index=False),
            "UploadField(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='owners')",
        ),
        (UploadsField(blank=True, max_bytes=5), "UploadsField(blank=True, max_bytes=5)"),
    ],
)
def test_migrations_name_the_promised_path_and_no_default(field, written):
    field.set_attributes_from_name("file")
    text, imports = MigrationWriter.serialize(field)
    assert text == f"s3_file_uploader.attachments.{written}"
    assert "import s3_file_uploader.attachments" in imports
    assert field.clone().deconstruct()[1:] == field.deconstruct()[1:]


def test_room_has_no_other_names():
    assert all(hasattr(room, name) for name in room.__all__)
    with pytest.raises(AttributeError, match="no attribute 'UploadFild'"):
        room.UploadFild  # noqa: B018


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("cleanup", "remove"),
        ("max_bytes", 0),
        ("max_bytes", "5 MB"),
        ("content_types", ["png"]),
        ("content_types", ["image/"]),
        ("extensions", [".png"]),
    ],
)
def test_options_without_effect_are_reported(monkeypatch, option, value):
    monkeypatch.setattr(Profile._meta.get_field("avatar"), option, value)
    (message,) = [message for message in run_checks() if message.id == "s3_file_uploader.E038"]
    assert option in message.hint
    assert "gallery.Profile.avatar" in message.msg


def test_expiry_without_fields_is_reported(settings):
    assert check_fields([]) == []
    settings.S3_FILE_UPLOADER_UNATTACHED_SECONDS = 3600
    assert [message.id for message in check_fields([])] == ["s3_file_uploader.W016"]


def test_limits_of_a_field_do_not_change_its_table():
    avatar = Profile._meta.get_field("avatar")
    assert {"content_types", "extensions", "max_bytes", "cleanup", "shared", "on_delete"} <= set(avatar.non_db_attrs)


class TestFullClean:
    def errors(self, profile):
        with pytest.raises(ValidationError) as refused:
            profile.full_clean()
        return {name: [error.code for error in errors] for name, errors in refused.value.error_dict.items()}

    def test_upload_within_the_limits_passes(self, upload):
        Profile(avatar=upload).full_clean()
        assert Profile._meta.get_field("avatar").clean(None, Profile()) is None

    def test_limits_are_errors_of_the_field(self, user, upload_of):
        assert self.errors(Profile(avatar=upload_of(user, b"<p>", "a.txt", "text/html"))) == {
            "avatar": ["content_type_not_allowed"]
        }
        assert self.errors(Profile(avatar=upload_of(user, b"x" * 101))) == {"avatar": ["file_too_large"]}

    @pytest.mark.parametrize(("status", "code"), [("quarantined", "quarantined"), ("pending", "file_not_found")])
    def test_upload_that_is_not_stored_is_an_error(self, upload, status, code):
        FileUpload.objects.update(status=status)
        assert self.errors(Profile(avatar=upload)) == {"avatar": [code]}

    def test_upload_of_another_row_is_an_error(self, upload, profile):
        assert self.errors(Profile(avatar=upload)) == {"avatar": ["file_in_use"]}
        assert self.errors(Profile(avatar_id="11111111-2222-3333-4444-555555555555")) == {"avatar": ["invalid"]}

    def test_present_upload_passes_even_if_the_limits_have_changed(self, upload, profile, monkeypatch):
        monkeypatch.setattr(Profile._meta.get_field("avatar"), "max_bytes", 1)
        profile.full_clean()


class TestRecord:
    def test_record_is_read_like_a_file(self, profile):
        with profile.avatar.open() as file:
            assert (file.name, file.size) == ("photo.png", 7)
            assert file.read(3) == b"con"
            assert file.seek(-2, 2) == 5
            assert file.read() == b"nt"
            assert file.seek(1, 1) == 8
            assert file.read(5) == b""
            assert file.seek(0) == 0
            assert b"".join(file.chunks(2)) == b"content"
            with pytest.raises(ValueError, match="negative"):
                file.seek(-1)
        with pytest.raises(ValueError, match="closed"):
            file.file.read(1)

    def test_record_has_urls(self, profile):
        assert "X-Amz-Expires=300&" in profile.avatar.url
        signed = profile.avatar.presigned_url(expires_in_seconds=60, disposition="attachment")
        assert "X-Amz-Expires=60&" in signed
        assert "attachment" in signed
        assert "inline" in profile.avatar.presigned_url()
        for wrong in ({"expires_in_seconds": 0}, {"disposition": "saved"}):
            with pytest.raises(InvalidField):
                profile.avatar.presigned_url(**wrong)

    @pytest.mark.parametrize(
        ("status", "error"), [("quarantined", FileQuarantined), ("rejected", FileRejected), ("deleting", FileNotFound)]
    )
    def test_record_that_is_not_stored_cannot_be_read(self, profile, status, error):
        FileUpload.objects.update(status=status, status_reason="reason")
        avatar = Profile.objects.get().avatar
        for read in (avatar.open, avatar.presigned_url, lambda: avatar.url):
            with pytest.raises(error):
                read()
