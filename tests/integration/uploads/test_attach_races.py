"""Attach a file while another thread removes it: no row ever refers to a file whose object is gone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import BytesIO
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from s3_file_uploader.exceptions import Conflict, NotFound
from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.objects import find_object
from s3_file_uploader.services import file_upload, upload_delete
from s3_file_uploader.services.housekeeping.attachments import expire_unattached, mend_attachments
from tests.gallery.models import Profile, Report

ROUNDS = 8


@pytest.fixture
def store_file(transactional_db, bucket):
    owner = User.objects.create_user("owner")
    names = iter(range(1000))

    def store():
        options = {"content_type": "text/plain", "original_name": "a.txt", "size": 7, "content": BytesIO(b"content")}
        return file_upload(user=owner, owner=owner, bucket=bucket, file_name=f"{next(names)}.txt", **options)

    return store


def race(*calls):
    """Call all at once; return for each True, or False if it came second."""
    barrier = Barrier(len(calls))

    def run(call):
        try:
            barrier.wait(30)
            call()
        except (Conflict, NotFound):
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(run, call) for call in calls]]


def every_reference_has_its_object():
    """Return the referenced files, each of which S3 must hold."""
    ids = {*Profile.objects.values_list("avatar", flat=True), *Profile.objects.values_list("logo", flat=True)}
    ids |= {*Report.attachments.through.objects.values_list("fileupload", flat=True)}
    uploads = list(FileUpload.objects.filter(pk__in=ids - {None}))
    for upload in uploads:
        assert upload.status == "stored"
        assert upload.attached_at is not None
        assert find_object(**upload.s3_address) is not None
    return uploads


def attach_avatar(upload):
    return lambda: Profile.objects.create(avatar=upload)


def attach_many(upload):
    return lambda: Report.objects.create().attachments.add(upload)


@pytest.mark.parametrize("attach", [attach_avatar, attach_many])
@pytest.mark.parametrize("remover", ["owner", "housekeeping"])
def test_attach_beside_a_deletion_lets_one_win(store_file, settings, attach, remover):
    settings.S3_FILE_UPLOADER_UNATTACHED_SECONDS = 60
    kept = 0
    for _ in range(ROUNDS):
        upload = store_file()
        FileUpload.objects.filter(pk=upload.pk).update(completed_at=timezone.now() - timedelta(hours=1))

        def remove(upload=upload):
            if remover == "owner":
                upload_delete(user=upload.user, upload_id=upload.pk)
            else:
                expire_unattached(dry_run=False, on_finding=lambda finding: None)

        is_attached, is_removed = race(attach(upload), remove)
        assert is_attached or is_removed
        is_there = FileUpload.objects.filter(pk=upload.pk).exists()
        assert is_there is is_attached
        kept += is_there
        assert len(every_reference_has_its_object()) == kept


def test_attach_by_two_rows_lets_one_win(store_file):
    for number in range(ROUNDS):
        upload = store_file()
        assert sorted(race(attach_avatar(upload), attach_avatar(upload), attach_many(upload))) == [False, False, True]
        assert len(every_reference_has_its_object()) == number + 1


def test_last_reference_goes_while_another_comes(store_file):
    for _ in range(ROUNDS):
        upload = store_file()
        first = Profile.objects.create(logo=upload)
        second = Profile.objects.create()

        def share(second=second, upload=upload):
            second.logo = upload
            second.save()

        race(first.delete, share)
        assert FileUpload.objects.filter(pk=upload.pk).exists() is Profile.objects.filter(logo=upload).exists()
        every_reference_has_its_object()


def test_outdated_saves_beside_a_replacement_agree(store_file):
    for _ in range(ROUNDS):
        before, after = store_file(), store_file()
        pk = Profile.objects.create(avatar=before).pk
        replacing, outdated = Profile.objects.get(pk=pk), Profile.objects.get(pk=pk)
        replacing.avatar = after
        is_replaced, _ = race(replacing.save, outdated.save)
        assert is_replaced
        # An outdated save brings the file back only while it is there. The other file goes.
        kept = Profile.objects.get(pk=pk).avatar
        assert set(FileUpload.objects.filter(pk__in=(before.pk, after.pk))) == {kept}
        every_reference_has_its_object()


def test_housekeeping_beside_changes_keeps_what_is_referred_to(store_file):
    """The marks are as old as can be, so housekeeping may let go at any time."""
    profile, uploads = Profile.objects.create(), [store_file() for _ in range(ROUNDS)]

    def change():
        for upload in uploads:
            profile.avatar = upload
            profile.save()
            FileUpload.objects.filter(attached_at__isnull=False).update(attached_at=timezone.now() - timedelta(days=1))

    def mend():
        for _ in range(ROUNDS):
            mend_attachments(dry_run=False, on_finding=lambda finding: None)

    assert race(change, mend) == [True, True]
    assert every_reference_has_its_object() == [profile.avatar]
