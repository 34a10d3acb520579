"""Rows of a host attach the uploads that they get, and let go of those that they lose."""

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.migrations.state import ProjectState

from s3_file_uploader.exceptions import ContentTypeNotAllowed, FileInUse, FileNotFound, FileQuarantined, FileTooLarge
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import housekeeping_run, record_delete
from tests.gallery.models import Profile, ProfileProxy, Report, SpecialProfile
from tests.unit.attachments.conftest import is_attached, is_there
from tests.unit.services.conftest import objects_in, refusing

pytestmark = pytest.mark.django_db


class TestAttach:
    def test_save_attaches(self, upload):
        profile = Profile(avatar=upload)
        assert not is_attached(upload)
        profile.save()
        assert is_attached(upload)
        assert Profile.objects.get(avatar__size__gt=3).avatar == upload

    def test_bulk_create_attaches(self, upload):
        Profile.objects.bulk_create([Profile(name="empty"), Profile(avatar=upload)])
        assert is_attached(upload)

    def test_second_reference_is_refused(self, profile, upload):
        for change in (
            lambda: Profile.objects.create(avatar=upload),
            lambda: Profile.objects.create(logo=upload),
            lambda: SpecialProfile.objects.create(badge=upload),
            lambda: Report.objects.create().attachments.add(upload),
        ):
            with pytest.raises(FileInUse), transaction.atomic():
                change()
        assert list(Profile.objects.values_list("avatar", "logo")) == [(upload.pk, None)]

    def test_two_fields_of_a_row_are_refused(self, profile, upload):
        profile.cover = upload
        with pytest.raises(FileInUse):
            profile.save()
        assert Profile.objects.get().cover is None

    def test_file_replaced_since_its_check_is_refused(self, upload_of, user):
        upload, records = upload_of(user), FileUpload.objects
        profile, report = Profile(avatar=upload), Report.objects.create()
        profile.full_clean()
        records.filter(pk=upload.pk).update(content_type="text/html")
        with pytest.raises(ContentTypeNotAllowed), transaction.atomic():
            profile.save()
        records.filter(pk=upload.pk).update(content_type="text/plain", size=101)
        with pytest.raises(FileTooLarge), transaction.atomic():
            report.attachments.add(upload)
        assert not is_attached(upload)

    def test_shared_fields_share(self, upload_of, user, committed):
        upload = upload_of(user, b"\x89PNG\r\n\x1a\n", content_type="image/png")
        with committed():
            first, second = Profile.objects.create(logo=upload), ProfileProxy.objects.create(logo=upload)
            report = Report.objects.create()
            report.pictures.add(upload)
        with committed():
            first.delete()
            second.logo = None
            second.save(update_fields=["logo"])
        assert is_attached(upload)
        with committed():
            report.pictures.clear()
        assert is_there(upload), "The last reference keeps."
        assert not is_attached(upload)

    def test_upload_moves_between_fields_and_rows(self, profile, upload, committed):
        with committed():
            profile.avatar, profile.cover = None, upload
            profile.save()
        assert is_attached(upload)
        with committed():
            profile.cover = None
            profile.save()
            Profile.objects.create(avatar=upload)
        assert is_attached(upload)

    @pytest.mark.parametrize(("status", "error"), [("quarantined", FileQuarantined), ("deleting", FileNotFound)])
    def test_upload_that_is_not_stored_is_refused(self, upload, status, error):
        FileUpload.objects.update(status=status)
        with pytest.raises(error):
            Profile.objects.create(avatar=upload)
        assert not Profile.objects.exists()

    def test_save_without_the_field_changes_nothing(self, profile, upload, django_assert_num_queries):
        profile.avatar, profile.name = None, "new"
        with django_assert_num_queries(1):
            profile.save(update_fields=["name"])
        assert Profile.objects.get().avatar == upload

    def test_unchanged_save_attaches_nothing(self, profile):
        before = FileUpload.objects.get().attached_at
        profile.save()
        assert FileUpload.objects.get().attached_at == before

    def test_outdated_instance_cannot_bring_back_a_removed_upload(self, profile, upload, upload_of, user, committed):
        outdated = Profile.objects.get()
        with committed():
            profile.avatar = upload_of(user)
            profile.save()
        with pytest.raises(FileNotFound):
            outdated.save()

    def test_new_row_with_a_known_primary_key_attaches_once(self, upload, committed):
        with committed():
            Profile(pk=77, avatar=upload).save()
        assert is_attached(upload)

    def test_failed_save_attaches_nothing(self, user, upload):
        Profile.objects.create(user=user)
        with pytest.raises(IntegrityError):
            Profile.objects.create(user=user, avatar=upload)
        assert not is_attached(upload)

    def test_historical_models_and_fixtures_attach_nothing(self, upload):
        historical = ProjectState.from_apps(apps).apps.get_model("gallery", "Profile")
        historical.objects.create(avatar_id=upload.pk)
        Profile(name="fixture").save_base(raw=True)
        assert not is_attached(upload)


class TestLetGo:
    @pytest.mark.parametrize("way", ["delete", "proxy", "queryset", "replace", "empty"])
    def test_last_reference_removes_the_file_on_commit(self, profile, upload, upload_of, user, bucket, committed, way):
        with committed() as waiting:
            match way:
                case "delete":
                    profile.delete()
                case "proxy":
                    ProfileProxy.objects.get().delete()
                case "queryset":
                    Profile.objects.all().delete()
                case "replace":
                    profile.avatar = new = upload_of(user)
                    profile.save()
                case "empty":
                    profile.avatar = new = None
                    profile.save()
            assert is_there(upload), "It is removed after the commit."
        assert waiting
        assert not is_there(upload)
        assert objects_in(bucket) == ([new.file_name] if way == "replace" else [])

    def test_delete_of_a_child_lets_go_of_both_tables(self, upload, upload_of, user, bucket, committed):
        child = SpecialProfile.objects.create(avatar=upload, badge=upload_of(user))
        with committed():
            child.avatar, child.badge = upload_of(user), child.avatar
            child.save()
        assert len(objects_in(bucket)) == 2
        with committed():
            child.delete()
        assert objects_in(bucket) == []

    def test_keep_leaves_the_file_to_its_owner(self, upload, committed):
        profile = Profile.objects.create(cover=upload)
        with committed():
            profile.delete()
        assert (is_there(upload), is_attached(upload)) == (True, False)
        record_delete(user=None, upload=upload)

    def test_rollback_keeps_everything(self, profile, upload, committed):
        with committed() as waiting:
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                profile.delete()
                raise ZeroDivisionError
        assert waiting == []
        assert is_attached(upload)

    def test_plain_foreign_key_keeps_the_file(self, profile, upload, committed):
        Report.objects.create(mentioned=upload)
        with committed():
            profile.delete()
        assert is_attached(upload)

    def test_broken_store_leaves_it_to_housekeeping(self, profile, upload, committed, caplog):
        with refusing("DeleteObject"), committed():
            profile.delete()
        assert "Housekeeping removes it later" in caplog.text
        assert FileUpload.objects.get().status == "deleting"
        assert not is_attached(upload)

    def test_removed_user_lets_go_of_a_cascade(self, user, upload, bucket, settings, committed):
        settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
        Profile.objects.create(user=user, avatar=upload)
        with committed():
            user.delete()
        assert objects_in(bucket) == []

    def test_files_of_a_removed_user_stay_where_they_are_attached(
        self, user, profile, upload, upload_of, settings, committed
    ):
        settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
        free = upload_of(user)
        with committed():
            user.delete()
        assert not is_there(free)
        assert FileUpload.objects.values_list("user", "status").get() == (None, "stored")
        with committed():
            profile.delete()
        assert not is_there(upload)

    @pytest.mark.parametrize("is_killed", [False, True])
    def test_removed_user_leaves_a_file_that_sql_refers_to(self, user, upload, bucket, settings, committed, is_killed):
        settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = "delete"
        Profile.objects.create()
        Profile.objects.update(avatar=upload)  # Marks nothing.
        if is_killed:
            user.delete()  # The callback of the commit does not run.
            assert housekeeping_run(dry_run=True).records_settled == 1
            assert housekeeping_run().is_complete
        else:
            with committed():
                user.delete()
        assert FileUpload.objects.values_list("user", "status").get() == (None, "stored")
        assert objects_in(bucket) == [upload.file_name]


class TestMany:
    def test_files_come_in_the_order_of_adding(self, user, upload_of):
        report, uploads = Report.objects.create(), [upload_of(user) for _ in range(8)]
        report.attachments.set(reversed(uploads))
        assert list(report.attachments.all()) == uploads[::-1]
        (prefetched,) = Report.objects.prefetch_related("attachments")
        assert list(prefetched.attachments.all()) == uploads[::-1]
        assert report.attachments.first() == uploads[-1]
        assert report.attachments.filter(size__gt=3).order_by("pk").count() == 8
        assert Report.objects.filter(attachments__size__gt=3).distinct().get() == report
        assert str(report.attachments.all().query).count("JOIN") == 1
        assert all(map(is_attached, uploads))

    def test_remove_set_and_delete_let_go(self, user, upload_of, bucket, committed):
        report, (a, b, c, d) = Report.objects.create(), [upload_of(user) for _ in range(4)]
        report.attachments.add(a, b)
        with committed():
            report.attachments.remove(a, d)
        assert objects_in(bucket) == [x.file_name for x in (b, c, d)], "An unrelated upload stays."
        with committed():
            report.attachments.set([c])
        assert objects_in(bucket) == [c.file_name, d.file_name]
        with committed():
            report.attachments.set([c, d], clear=True)
        assert objects_in(bucket) == [c.file_name, d.file_name]
        with committed():
            report.delete()
        assert objects_in(bucket) == []

    def test_other_side_of_the_relation_changes_it_too(self, upload, committed):
        report = Report.objects.create()
        upload.albums.add(report)
        assert is_attached(upload)
        with committed():
            upload.albums.remove(report)
        assert not is_there(upload)
        assert Report.objects.get() == report

    def test_clear_from_the_other_side_lets_go(self, upload, committed):
        Report.objects.create().albums.add(upload)
        with committed():
            upload.albums.clear()
        assert not is_there(upload)
