"""`UploadStorage` beyond the behaviours of Django, which `tests/integration/storage` has."""

import re
from datetime import datetime, timedelta
from io import SEEK_CUR, SEEK_END, BytesIO, UnsupportedOperation
from itertools import count

import pytest
from django.core.exceptions import ImproperlyConfigured, SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, OperationalError, models, transaction
from django.template import engines
from rest_framework import serializers

from s3_file_uploader.exceptions import (
    BucketNotFound,
    ContentTypeMismatch,
    ContentTypeNotAllowed,
    FileExists,
    FileInUse,
    FileQuarantined,
    FileRejected,
    FileTooLarge,
    InvalidField,
    QuotaExceeded,
    StorageError,
)
from s3_file_uploader.models import AuditEvent, FileUpload
from s3_file_uploader.policy.request_user import use_request_user
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.transfer.object_io import ObjectIO
from s3_file_uploader.services import housekeeping_run, upload_delete, upload_scan
from s3_file_uploader.services.storage_places import ID_LENGTH, build_file_id, get_id_time
from s3_file_uploader.storage import FileHasNoUrl, UploadStorage, UrlWithheld
from s3_file_uploader.values import mib
from tests.gallery.models import Profile
from tests.people.models import Document
from tests.support.scanners import FOUND_VIRUS, VIRUS, use
from tests.support.storages import use_storage
from tests.unit.services.conftest import objects_in, refusing, stored_file

pytestmark = pytest.mark.django_db
committing = pytest.mark.django_db(transaction=True)
Status = FileUpload.Status


class ReadOnly:
    """A source with `read` alone."""

    def __init__(self, content):
        self.read = BytesIO(content).read


def uploaded(name="photo.txt", content=b"content", content_type="text/plain"):
    return SimpleUploadedFile(name, content, content_type)


class TestNames:
    def test_ids_are_unique_and_in_the_order_of_time(self):
        made = [build_file_id() for _ in range(3)]
        assert len(set(made)) == 3
        assert all(re.fullmatch(f"[0-9a-v]{{{ID_LENGTH}}}", file_id) for file_id in made)
        moment = datetime.fromisoformat("2026-11-29T12:00:00+00:00")
        early, late = build_file_id(moment), build_file_id(moment + timedelta(milliseconds=1))
        assert early < late
        assert get_id_time(early) == moment

    @pytest.mark.parametrize(
        ("given", "valid"),
        [
            ("my photo?.png", "my_photo.png"),
            ("e\u0301.txt", "é.txt"),
            ("con.txt", "_con.txt"),
            ("ends.", "ends"),
            ("...", "_"),
        ],
    )
    def test_valid_name_is_one_that_every_store_keeps(self, given, valid):
        assert UploadStorage().get_valid_name(given) == valid

    def test_available_name_needs_no_query(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            name = UploadStorage(bucket="bucket-one").get_available_name("a\\b.txt", max_length=100)
        assert name[ID_LENGTH:] == "/a/b.txt"
        with pytest.raises(SuspiciousFileOperation, match=r"traversal attempt in 'a/\.\.'"):
            UploadStorage().get_available_name("a/../b.txt")

    def test_storage_is_named_in_migrations_by_its_options(self):
        field = models.FileField(storage=UploadStorage(bucket="bucket-one", prefix="a/"))
        path, _args, options = field.deconstruct()[3]["storage"].deconstruct()
        assert (path, options) == ("s3_file_uploader.storage.UploadStorage", {"bucket": "bucket-one", "prefix": "a/"})

    def test_storage_without_a_bucket_says_so(self):
        with pytest.raises(ImproperlyConfigured, match="needs a bucket"):
            UploadStorage().exists("name")


class TestSave:
    def test_record_describes_the_file_and_its_owner(self, storage, bucket, user):
        with use_request_user(lambda: user):
            name = storage.save("a/photo.txt", uploaded("my photo\u202e.txt"))
        upload = FileUpload.objects.get()
        assert (upload.user, upload.status, upload.file_name) == (user, Status.STORED, f"files/{name}")
        assert (upload.original_name, upload.content_type) == ("my photo.txt", "text/plain")
        assert upload.path == "files/a/photo.txt"
        stored = get_client().head_object(Bucket=bucket, Key=upload.file_name)
        assert stored["Metadata"] == {"upload-claim": str(upload.write_id)}
        assert (upload.size, f'"{upload.etag}"') == (stored["ContentLength"], stored["ETag"])

    def test_file_of_the_server_has_no_owner_and_its_own_name(self, storage):
        storage.save("a/report.csv", ContentFile("a,b"))
        upload = FileUpload.objects.get()
        assert (upload.user, upload.original_name, upload.content_type) == (None, "report.csv", "text/csv")

    @pytest.mark.parametrize(
        ("policy", "error"),
        [
            ({"max_file_bytes": 6}, FileTooLarge),
            ({"content_types": ["image/*"]}, ContentTypeNotAllowed),
            ({"extensions": ["png"]}, ContentTypeNotAllowed),
            ({"quota_bytes": 6}, QuotaExceeded),
            ({"quota_files": 0}, QuotaExceeded),
        ],
    )
    def test_policy_of_the_owner_counts(self, storage, bucket, user, settings, policy, error):
        settings.S3_FILE_UPLOADER_POLICIES = {bucket: policy}
        with use_request_user(lambda: user), pytest.raises(error):
            storage.save("photo.txt", uploaded())
        assert objects_in(bucket) == []

    def test_size_is_limited_while_the_bytes_come(self, storage, bucket, user, settings):
        settings.S3_FILE_UPLOADER_POLICIES = {bucket: {"max_file_bytes": 6}}
        liar = uploaded()
        liar.size = 1
        with pytest.raises(FileTooLarge):
            storage.save("photo.txt", liar)
        settings.S3_FILE_UPLOADER_POLICIES = {bucket: {"quota_bytes": 6}}
        with use_request_user(lambda: user), pytest.raises(QuotaExceeded):
            storage.save("photo.txt", liar)
        assert objects_in(bucket) == []
        storage.save("photo.txt", liar)  # No quota counts without an owner.

    def test_quota_counts_earlier_files(self, storage, bucket, user, settings):
        settings.S3_FILE_UPLOADER_POLICIES = {bucket: {"quota_files": 1}}
        with use_request_user(lambda: user), transaction.atomic():
            storage.save("photo.txt", uploaded())
            with pytest.raises(QuotaExceeded):
                storage.save("photo.txt", uploaded())
        assert FileUpload.objects.count() == 1

    def test_bytes_of_another_type_are_refused_or_held(self, storage, bucket, settings):
        with pytest.raises(ContentTypeMismatch):
            storage.save("photo.png", uploaded("photo.png", b"<html>", "image/png"))
        settings.S3_FILE_UPLOADER_POLICIES = {bucket: {"on_mismatch": "quarantine"}}
        name = storage.save("photo.png", uploaded("photo.png", b"<html>", "image/png"))
        assert storage.exists(name)
        with pytest.raises(FileQuarantined, match="was declared"):
            storage.open(name)

    def test_key_of_another_file_is_refused(self, storage, bucket, user):
        name = storage.save("photo.txt", uploaded())
        with pytest.raises(FileExists):
            storage._save(name, uploaded())
        get_client().create_bucket(Bucket="bucket-two")
        with pytest.raises(BucketNotFound):
            UploadStorage(bucket="bucket-three").save("photo.txt", uploaded())

    def test_multipart_upload_is_verified(self, storage):
        name = storage.save("large.bin", ContentFile(bytes(mib(5) + 1)))
        upload = FileUpload.objects.get()
        assert (upload.size, "-2" in upload.etag, storage.size(name)) == (mib(5) + 1, True, mib(5) + 1)

    @pytest.mark.parametrize("error", [IntegrityError, OperationalError])
    def test_database_that_fails_keeps_the_object(self, storage, bucket, error):
        """The record may be there, and only its answer was lost. Housekeeping looks after a day."""

        def fail(**kwargs):
            raise error

        models.signals.pre_save.connect(fail, sender=FileUpload)
        try:
            with pytest.raises(FileExists if error is IntegrityError else error):
                storage.save("photo.txt", uploaded())
        finally:
            models.signals.pre_save.disconnect(fail, sender=FileUpload)
        assert len(objects_in(bucket)) == 1

    def test_object_that_cannot_be_removed_is_left(self, storage, bucket, user, settings, caplog):
        settings.S3_FILE_UPLOADER_POLICIES = {bucket: {"quota_bytes": 6}}
        liar = uploaded()
        liar.size = 1
        with use_request_user(lambda: user), refusing("DeleteObject"), pytest.raises(QuotaExceeded):
            storage.save("photo.txt", liar)
        assert "stays in S3 for housekeeping" in caplog.text

    @committing
    def test_event_names_user_and_outcome(self, storage, settings, user):
        settings.S3_FILE_UPLOADER_AUDIT_ROWS = True
        with use_request_user(lambda: user):
            name = storage.save("photo.txt", uploaded())
            storage.delete(name)
            with pytest.raises(ContentTypeMismatch):
                storage.save("photo.png", uploaded("photo.png", b"<html>", "image/png"))
        events = list(AuditEvent.objects.order_by("pk").values_list("action", "user_name", "outcome"))
        assert events == [
            ("file_upload", "user", "ok"),
            ("file_delete", "user", "ok"),
            ("file_upload", "user", "ContentTypeMismatch"),
        ]


class TestInUse:
    @committing
    def test_owner_removes_a_file_only_once_no_field_names_it(self, storage, user):
        with use_request_user(lambda: user):
            document = Document.objects.create(file=uploaded())
        upload = FileUpload.objects.get()
        with pytest.raises(FileInUse):
            upload_delete(user=user, upload_id=upload.pk)
        assert document.file.read() == b"content"
        document.delete()  # Django keeps the file.
        assert storage.exists(document.file.name)
        upload_delete(user=user, upload_id=upload.pk)
        assert not FileUpload.objects.exists()

    def test_older_file_is_in_use_too(self, bucket, settings, user):
        use_storage(settings, bucket, adopted_prefix="media/")
        upload = stored_file(user, bucket, "media/old.txt")
        Document.objects.create(short="old.txt")
        with pytest.raises(FileInUse):
            upload_delete(user=user, upload_id=upload.pk)

    def test_file_of_a_field_cannot_be_attached_elsewhere(self, storage):
        storage.save("photo.txt", uploaded())
        with pytest.raises(FileInUse):
            Profile.objects.create(logo=FileUpload.objects.get())

    @committing
    def test_older_file_in_an_upload_field_is_left_to_it(self, bucket, settings, user):
        storage = use_storage(settings, bucket, adopted_prefix="media/")
        profile = Profile.objects.create(logo=stored_file(user, bucket, "media/old.txt"))
        storage.delete("old.txt")
        assert storage.exists("old.txt")
        profile.refresh_from_db()
        assert profile.logo.attached_at is not None

    @committing
    def test_housekeeping_leaves_files_of_fields(self, bucket, settings, user):
        storage = use_storage(settings, bucket, adopted_prefix="media/")
        settings.S3_FILE_UPLOADER_UNATTACHED_SECONDS = 1
        storage.save("photo.txt", uploaded())
        for file_name in ("media/old.txt", "other.txt"):
            stored_file(user, bucket, file_name)
        long_ago = FileUpload.objects.get(file_name="media/old.txt").completed_at - timedelta(days=1)
        FileUpload.objects.update(completed_at=long_ago)
        FileUpload.objects.exclude(attached_at=None).update(attached_at=long_ago)
        report = housekeeping_run()
        assert (report.unattached_removed, report.attachments_mended) == (1, 0)
        assert sorted(FileUpload.objects.values_list("path", flat=True)) == ["files/photo.txt", "media/old.txt"]


class TestScanners:
    @pytest.fixture(autouse=True)
    def scanning(self, settings):
        use(settings, "LooksForVirus")

    def test_small_file_is_scanned_before_save_returns(self, storage, bucket):
        with transaction.atomic():
            name = storage.save("photo.txt", uploaded())
            assert storage.open(name).read() == b"content"
            with pytest.raises(FileRejected, match=FOUND_VIRUS):
                storage.save("photo.txt", uploaded(content=VIRUS))
        assert objects_in(bucket) == [f"files/{name}"]
        upload = FileUpload.objects.get()
        assert (upload.status, upload.needs_scan, upload.scan_after) == (Status.STORED, False, None)

    @pytest.mark.parametrize(("scanner", "waits"), [("Down", False), ("Puzzled", True)])
    def test_file_without_a_verdict_waits(self, storage, settings, scanner, waits):
        use(settings, scanner)
        storage.save("photo.txt", uploaded())
        upload = FileUpload.objects.get()
        assert (upload.status, upload.is_to_scan) == (Status.QUARANTINED, not waits)
        assert upload.status_reason

    def test_silent_scanner_gives_a_reason(self, storage, settings):
        use(settings, "Silent")
        with pytest.raises(FileRejected, match="found something"):
            storage.save("photo.txt", uploaded(content=VIRUS))

    def test_larger_file_cannot_be_read_before_its_scan(self, storage, bucket, settings):
        settings.S3_FILE_UPLOADER_SCAN_IN_REQUEST_BYTES = 6
        document = Document.objects.create(file=uploaded())
        name = document.file.name
        assert (storage.exists(name), storage.size(name)) == (True, 7)
        with pytest.raises(FileQuarantined, match="being scanned"):
            storage.open(name)
        with pytest.raises(UrlWithheld, match="being scanned"):
            storage.url(name)
        assert getattr(document.file, "url", None) is None
        page = engines["django"].from_string("<{{ document.file.url }}>")
        assert page.render({"document": document}) == "<>"
        assert serializers.FileField().to_representation(document.file) is None
        upload_scan(upload=FileUpload.objects.get())
        assert storage.open(name).read() == b"content"
        assert storage.url(name)


class TestRead:
    def test_url_is_signed_without_a_call(self, storage, django_assert_num_queries):
        name = storage.save("photo.txt", uploaded("my photo.txt"))
        storage.url(name)  # Now the region of the bucket is known.
        with django_assert_num_queries(1), refusing():
            url = storage.url(name)
        assert "X-Amz-Expires=3600&" in url
        assert "response-content-disposition=inline%3B%20filename%3D%22my%20photo.txt%22" in url
        url = storage.url(name, expires_in_seconds=60, disposition="attachment")
        assert "X-Amz-Expires=60&" in url
        assert "response-content-disposition=attachment%3B" in url
        for wrong in ({"expires_in_seconds": 0}, {"disposition": "other"}):
            with pytest.raises(InvalidField):
                storage.url(name, **wrong)

    def test_active_content_is_never_shown(self, storage):
        name = storage.save("page.html", uploaded("page.html", b"<html><script>", "text/html"))
        assert "response-content-disposition=attachment%3B" in storage.url(name)

    @pytest.mark.parametrize("name", ["nothing.txt", None, ""])
    def test_missing_file_has_no_url(self, storage, name):
        with pytest.raises(FileHasNoUrl, match="There is no file"):
            storage.url(name)

    def test_file_is_opened_again_and_as_text(self, storage):
        name = storage.save("lines.txt", ContentFile("one\ntwo ä\n"))
        with storage.open(name) as file:
            assert (file.readable(), file.seekable(), file.read(3), file.tell()) == (True, True, b"one", 3)
            assert (file.seek(-2, SEEK_END), file.seek(1, SEEK_CUR), file.read()) == (9, 10, b"\n")
            with pytest.raises(ValueError, match="negative seek position"):
                file.seek(-1)
            assert file.open().read(3) == b"one"
            assert file.open("r").readlines() == ["one\n", "two ä\n"]
        with pytest.raises(ValueError, match="closed file"):
            file.file.buffer.raw.readall()
        with pytest.raises(UnsupportedOperation, match=r"not with the mode 'w'"):
            storage.open(name, "w")

    def test_missing_file_is_told_or_no_error(self, storage):
        for call in (storage.open, storage.size, storage.get_created_time, storage.get_modified_time):
            with pytest.raises(FileNotFoundError, match="There is no file 'nothing'"):
                call("nothing")
        storage.delete("nothing")
        with pytest.raises(ValueError, match="name must be given"):
            storage.delete("")
        name = storage.save("a.txt", uploaded())
        assert storage.get_created_time(name) <= storage.get_modified_time(name)

    def test_file_of_unknown_size_is_stored(self, storage):
        content = File(BytesIO(b"piped"), "a.txt")
        content.file = ReadOnly(b"piped")
        assert storage.size(storage.save("a.txt", content)) == 5

    def test_long_name_is_shortened_to_fit(self, storage):
        name = storage.get_available_name(f"{'ä' * 300}.tar.gz", max_length=100)
        assert (len(name), name[-7:]) == (100, ".tar.gz")
        with pytest.raises(SuspiciousFileOperation, match="can not find an available filename"):
            storage.get_available_name("short.very-long-extension", max_length=40)

    def test_changed_object_is_not_read(self, storage, bucket):
        name = storage.save("photo.txt", uploaded())
        get_client().put_object(Bucket=bucket, Key=f"files/{name}", Body=b"another")
        with pytest.raises(StorageError, match="other bytes"), storage.open(name) as file:
            file.read()

    def test_ranges_double_while_a_file_is_read(self, storage, bucket):
        name = storage.save("large.bin", ContentFile(bytes(mib(8))))
        upload, ranges = FileUpload.objects.get(), []

        def note(params, **kwargs):
            ranges.append(params["headers"]["Range"])

        get_client().meta.events.register("before-call.s3.GetObject", note)
        try:
            with ObjectIO(**upload.s3_address, etag=upload.etag, size=upload.size) as file:
                assert len(file.read(10)) == 10
                file.seek(100)  # It is in the chunk already.
                assert len(file.read(mib(1))) == mib(1) - 100
                assert len(file.readall()) == mib(7)
                file.seek(mib(6))
                with refusing("GetObject"), pytest.raises(Exception, match="again"):
                    file.read(1)
                assert len(file.read(1)) == 1
                assert file.tell() == mib(6) + 1
        finally:
            get_client().meta.events.unregister("before-call.s3.GetObject", note)
        starts = [int(text.partition("=")[2].partition("-")[0]) // mib(1) for text in ranges]
        assert starts == [0, 1, 3, 7, 6]
        assert storage.size(name) == mib(8)

    def test_listing_of_many_files_has_pages(self, storage, bucket):
        numbers = count()
        names = [f"{build_file_id()}/{next(numbers)}.txt" for _ in range(1001)]
        made = storage.save("a.txt", uploaded())
        template = FileUpload.objects.get()
        FileUpload.objects.bulk_create(
            FileUpload(
                bucket=bucket,
                file_name=f"files/{name}",
                location_digest=f"{number:064}",
                status=Status.STORED,
                size=1,
                etag="e",
                completed_at=template.completed_at,
            )
            for number, name in enumerate(names)
        )
        folders, files = storage.listdir("")
        assert folders == sorted([*(name[:ID_LENGTH] for name in names), made[:ID_LENGTH]])
        assert files == []


class TestAdopted:
    @pytest.fixture
    def storage(self, bucket, settings, db):
        return use_storage(settings, bucket, adopted_prefix="media/")

    @committing
    def test_files_of_another_storage_keep_their_names(self, storage, bucket, user):
        stored_file(user, bucket, "media/avatars/old.txt", b"old")
        stored_file(user, bucket, "private/file.txt", b"private")
        document = Document.objects.create(file="avatars/old.txt")
        assert (document.file.read(), document.file.size) == (b"old", 3)
        assert "media/avatars/old.txt" in document.file.url
        new = storage.save("avatars/old.txt", uploaded())
        assert storage.listdir("") == ([new[:ID_LENGTH], "avatars"], [])
        assert storage.listdir("avatars/") == ([], ["old.txt"])
        for outside in ("private/file.txt", "file.txt"):
            assert not storage.exists(outside)
        document.file.close()
        document.file.delete()
        assert objects_in(bucket) == [f"files/{new}", "private/file.txt"]

    def test_whole_bucket_can_be_adopted(self, bucket, settings, user):
        storage = use_storage(settings, bucket, adopted_prefix="")
        stored_file(user, bucket, "old.txt", b"old")
        new = storage.save("new.txt", uploaded())
        assert storage.listdir("") == ([new[:ID_LENGTH]], ["old.txt"])
        assert storage.open("old.txt").read() == b"old"

    def test_without_the_option_other_files_are_out_of_reach(self, bucket, settings, user):
        storage = use_storage(settings, bucket)
        stored_file(user, bucket, "old.txt", b"old")
        assert not storage.exists("old.txt")
