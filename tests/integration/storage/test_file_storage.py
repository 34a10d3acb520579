"""Behaviours that Django's own tests ask of a storage (`tests/file_storage`), on a real store.

Not asked of this storage: `path()`, the time of the last access, permissions, and names that are free again.
"""

import io
import os
import pickle
import tempfile
import zipfile
from datetime import timedelta

import httpx
import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile, File
from django.core.files.uploadedfile import InMemoryUploadedFile, SimpleUploadedFile, TemporaryUploadedFile
from django.db import models, transaction
from django.utils import timezone

from s3_file_uploader.exceptions import S3FileUploaderError
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services.storage_places import ID_LENGTH
from s3_file_uploader.values import mib
from tests.people.models import Document
from tests.support.storages import use_storage
from tests.unit.services.conftest import objects_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def storage(bucket, settings):
    return use_storage(settings, bucket)


class Pipe(io.RawIOBase):
    """A source that cannot seek and has no size."""

    def __init__(self, content):
        self._rest = io.BytesIO(content)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._rest.readinto(buffer)


def test_content_of_every_kind_comes_back(storage):
    big = os.urandom(mib(6) + 1)  # Two parts.
    with tempfile.NamedTemporaryFile() as on_disk, TemporaryUploadedFile("t.bin", "", 3, None) as temporary:
        on_disk.write(big)
        on_disk.seek(17)  # Django reads a file from its begin, wherever it stands.
        temporary.write(b"abc")
        for content, expected in (
            (ContentFile(b"bytes"), b"bytes"),
            (ContentFile(""), b""),
            (ContentFile("text, ä"), "text, ä".encode()),
            (io.BytesIO(b"no chunks"), b"no chunks"),
            (SimpleUploadedFile("a.txt", b"uploaded", "text/plain"), b"uploaded"),
            (InMemoryUploadedFile(io.StringIO("1"), "", "t.txt", "text/plain", 1, "utf8"), b"1"),
            (File(Pipe(b"piped"), "pipe"), b"piped"),
            (temporary, b"abc"),
            (File(on_disk), big),
        ):
            name = storage.save("path/to/test.file", content)
            assert name[ID_LENGTH:] == "/path/to/test.file"
            with storage.open(name) as file:
                assert file.read() == expected
            assert storage.exists(name)
            assert storage.size(name) == len(expected)
            assert httpx.get(storage.url(name)).content == expected
            assert not getattr(content, "closed", False)


def test_save_without_a_name_takes_that_of_the_content(storage):
    name = storage.save(None, ContentFile(b"content", name="test.file"))
    assert name.endswith("/test.file")
    with pytest.raises(AttributeError):
        storage.save("a", None)


def test_open_file_is_seekable_iterable_and_text(storage):
    lines = "one\r\ntwo\nthree ä\n"
    name = storage.save("lines.txt", ContentFile(lines))
    with storage.open(name, "rb") as file:
        assert file.seekable()
        assert file.readable()
        assert not file.writable()
        assert [file.read(3), file.tell(), file.readline()] == [b"one", 3, b"\r\n"]
        assert file.seek(-3, os.SEEK_END) == 15
        assert file.read() == "ä\n".encode()
        assert list(file) == [b"one\r\n", b"two\n", "three ä\n".encode()]
        assert [len(chunk) for chunk in file.chunks(8)] == [8, 8, 2]
        assert file.seek(100) == 100
        assert file.read() == b""
        with pytest.raises(ValueError, match="negative seek position -1"):
            file.seek(-1)
        file.close()
        assert file.closed
        with pytest.raises(ValueError, match="closed file"):
            file.read()
        assert file.open().read(3) == b"one"
        assert file.open().read(3) == b"one"
    with storage.open(name, "r") as file:
        assert file.read() == lines.replace("\r\n", "\n")
        assert file.open("rb").readlines()[-1] == "three ä\n".encode()
    for mode in ("w", "wb", "r+", "a", "x", "rw"):
        with pytest.raises(io.UnsupportedOperation, match=r"not with the mode .* save\(\)"):
            storage.open(name, mode)


def test_archive_is_read_by_ranges(storage):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        for number in range(4):
            written.writestr(f"{number}.bin", os.urandom(mib(2)))
        written.writestr("last.txt", b"found")
    name = storage.save("a.zip", ContentFile(archive.getvalue()))
    with storage.open(name) as file, zipfile.ZipFile(file) as archived:
        assert archived.read("last.txt") == b"found"
        assert len(archived.read("0.bin")) == mib(2)
        assert archived.testzip() is None


def test_listdir_shows_folders_and_files(storage):
    one, two = storage.save("a/b/one.txt", ContentFile(b"1")), storage.save("two.txt", ContentFile(b"2"))
    ids = [one[:ID_LENGTH], two[:ID_LENGTH]]
    assert storage.listdir("") == (ids, [])  # In the order of time.
    assert storage.listdir(ids[0]) == (["a"], [])
    assert storage.listdir(f"{ids[0]}/a/b/") == ([], ["one.txt"])
    assert storage.listdir(ids[1]) == ([], ["two.txt"])
    assert storage.listdir("nothing") == ([], [])
    with pytest.raises(SuspiciousFileOperation):
        storage.listdir("../..")


@pytest.mark.parametrize("use_tz", [True, False])
def test_times_are_those_of_the_record(storage, settings, use_tz):
    settings.USE_TZ = use_tz
    name = storage.save("test.file", ContentFile(b"content"))
    for moment in (storage.get_created_time(name), storage.get_modified_time(name)):
        assert timezone.is_aware(moment) == use_tz
        assert abs(moment - timezone.now()) < timedelta(minutes=1)
    with pytest.raises(NotImplementedError):
        storage.get_accessed_time(name)
    with pytest.raises(NotImplementedError):
        storage.path(name)


def test_missing_files(storage):
    for call in (storage.open, storage.size, storage.get_created_time, storage.get_modified_time):
        with pytest.raises(FileNotFoundError, match=r"There is no file 'nothing\.txt'"):
            call("nothing.txt")
    assert not storage.exists("nothing.txt")
    storage.delete("nothing.txt")
    with pytest.raises(ValueError, match="name must be given"):
        storage.delete("")
    for name in ("..", "/etc/passwd", "a/../../b", "a\\..\\..\\b"):
        for call in (storage.exists, storage.open, storage.delete, storage.url):
            with pytest.raises(SuspiciousFileOperation):
                call(name)


def test_content_that_fails_leaves_nothing(storage, bucket):
    content = File(io.BytesIO(os.urandom(mib(12))), "a.bin")
    pieces = content.chunks(mib(11))

    def failing(*_args):
        yield next(pieces)
        raise OSError("the disk is gone")

    content.chunks = failing
    with pytest.raises(OSError, match="the disk is gone"):
        storage.save("a.bin", content)
    assert objects_in(bucket) == []
    assert not FileUpload.objects.exists()


class TestFileField:
    def test_file_of_a_field_is_read_replaced_and_deleted(self, storage, bucket):
        document = Document()
        assert not document.file
        with pytest.raises(ValueError, match="no file associated"):
            document.file.size  # noqa: B018 - reading it is the test
        document.file.save("django test.txt", ContentFile("content"))
        assert document.file.name[ID_LENGTH:] == "/documents/django_test.txt"
        document = pickle.loads(pickle.dumps(document))  # noqa: S301 - ours
        assert (document.file.size, document.file.read(3), document.file.read()) == (7, b"con", b"tent")
        assert list(document.file.chunks(chunk_size=2)) == [b"co", b"nt", b"en", b"t"]
        document.file.close()
        assert document.file.closed
        with document.file.open() as file:
            assert file.read() == b"content"
        first = document.file.name
        document.file = SimpleUploadedFile("django test.txt", b"other")
        document.save()
        again = Document.objects.get()
        assert (again.file.name != first, again.file.read()) == (True, b"other")
        assert storage.exists(first)  # As with every storage, the older file stays.
        again.file.close()
        again.file.delete()
        assert not Document.objects.get().file
        assert objects_in(bucket) == [f"files/{first}"]

    def test_name_fits_into_the_field(self, storage):
        document = Document()
        document.file.save(f"{'ä' * 300}.tar.gz", ContentFile(b"1"))
        assert len(document.file.name) == 100
        assert document.file.name.endswith("ä.tar.gz")
        document.short.save("filename.ext", ContentFile(b"2"))
        assert document.short.name[ID_LENGTH:] == "/filename.ext"
        document.short.save("a-long-filename.ext", ContentFile(b"3"))
        assert document.short.name[ID_LENGTH:] == "/a-long-filen.ext"[:12] + ".ext"
        with pytest.raises(SuspiciousFileOperation, match="can not find an available filename"):
            document.short.save("short.very-long-extension", ContentFile(b"4"))
        unlimited = storage.save(f"{'ä' * 300}.gz", ContentFile(b"5"))
        assert len(unlimited.rpartition("/")[2].encode()) <= 255

    @pytest.mark.parametrize("name", ["..", ".", "", "???", "$.$.$"])
    def test_dangerous_name_is_refused(self, storage, name):
        with pytest.raises(SuspiciousFileOperation):
            models.FileField(upload_to="some/folder/", storage=storage).generate_filename(None, name)
        with pytest.raises(SuspiciousFileOperation):
            storage.save("a/../b.txt", ContentFile(b""))

    def test_rollback_takes_the_record_back(self, storage, bucket):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            document = Document()
            document.file.save("a.txt", ContentFile(b"content"))
            assert document.file.read() == b"content"
            name = document.file.name
            raise ZeroDivisionError
        assert not storage.exists(name)
        assert objects_in(bucket) == [f"files/{name}"]  # Until housekeeping removes it after a day.

    def test_deletion_waits_for_the_commit(self, storage, bucket):
        name = storage.save("a.txt", ContentFile(b"content"))
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            storage.delete(name)
            assert not storage.exists(name)
            raise ZeroDivisionError
        assert storage.open(name).read() == b"content"
        with transaction.atomic():
            storage.delete(name)
            storage.delete(name)
            assert objects_in(bucket) == [f"files/{name}"]
        assert objects_in(bucket) == []
        assert not FileUpload.objects.exists()

    def test_store_that_fails_keeps_the_deletion(self, storage, bucket, settings):
        name = storage.save("a.txt", ContentFile(b"content"))
        endpoint, settings.AWS_S3_ENDPOINT_URL = settings.AWS_S3_ENDPOINT_URL, "http://127.0.0.1:9"
        settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
        with transaction.atomic():
            storage.delete(name)
        assert not storage.exists(name)
        with pytest.raises(S3FileUploaderError):
            storage.save("b.txt", ContentFile(b"content"))
        settings.AWS_S3_ENDPOINT_URL = endpoint
        assert FileUpload.objects.get().is_abandoned
