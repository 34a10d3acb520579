"""The blocks of `docs/how-to/storage.md`."""

import pytest
from django.contrib.auth.models import User
from django.core.checks import ERROR, run_checks
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import models
from django.test.utils import isolate_apps

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from tests.gallery.models import Profile
from tests.people.models import Document
from tests.support.documents import blocks_of
from tests.unit.services.conftest import stored_file

PAGE = "docs/how-to/storage.md"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def media(aws):
    get_client().create_bucket(Bucket="my-media")
    return "my-media"


def run(test, names):
    (code,) = blocks_of(PAGE, "python", test)
    exec(code, names)  # noqa: S102 - ours, from the docs
    return names


def test_settings_store_a_file_of_a_field(media, settings):
    names = run("test_settings_store_a_file_of_a_field", {"MIDDLEWARE": [*settings.MIDDLEWARE]})
    settings.MIDDLEWARE, settings.STORAGES = names["MIDDLEWARE"], names["STORAGES"]
    assert [message for message in run_checks() if message.level >= ERROR or message.id.endswith("W020")] == []
    document = Document()
    document.file.save("a.txt", ContentFile(b"content"))
    assert Document.objects.get().file.read() == b"content"
    assert FileUpload.objects.get().path == "files/documents/a.txt"


def test_value_of_django_storages_keeps_working(media, settings):
    User.objects.create_user("alice")
    get_client().put_object(Bucket=media, Key="media/documents/old.txt", Body=b"old")
    document = Document.objects.create(file="documents/old.txt")
    call_command("s3_housekeeping", "--compare", media, "--adopt", "alice", verbosity=0)
    static = settings.STORAGES["staticfiles"]
    settings.STORAGES = run("test_value_of_django_storages_keeps_working", {"STORAGES": {"staticfiles": static}})[
        "STORAGES"
    ]
    assert document.file.read() == b"old"
    document.file.save("new.txt", ContentFile(b"new"))
    assert [*map(storages["default"].exists, ("documents/old.txt", document.file.name))] == [True, True]


def test_column_of_keys_becomes_a_file_field(media, settings, user):
    settings.STORAGES = {
        **settings.STORAGES,
        "default": {
            "BACKEND": "s3_file_uploader.storage.UploadStorage",
            "OPTIONS": {"bucket": media, "adopted_prefix": ""},
        },
    }
    stored_file(user, media, "invoices/7.pdf", b"%PDF-1.7", content_type="application/pdf")
    with isolate_apps("tests.people"):
        names = run("test_column_of_keys_becomes_a_file_field", {"models": models, "__name__": "tests.people.models"})
        assert names["Invoice"](pdf="invoices/7.pdf").pdf.read() == b"%PDF-1.7"


def test_column_of_keys_becomes_an_upload_field(media, user):
    """`Profile` stands for the invoice: its name is the key."""
    upload = stored_file(user, media, "invoices/7.pdf", b"%PDF-1.7", content_type="application/pdf")
    profile = Profile.objects.create(name="invoices/7.pdf")

    class Models:
        def get_model(self, app, name):
            return {"FileUpload": FileUpload, "Invoice": Renamed}[name]

    class Renamed:
        objects = type("Manager", (), {"iterator": staticmethod(lambda: [Invoice()])})

    class Invoice:
        pdf = profile.name

        def save(self, update_fields):
            profile.logo = self.document
            profile.save()

    run("test_column_of_keys_becomes_an_upload_field", {})["refer_to_records"](Models(), None)
    profile.refresh_from_db()
    assert profile.logo == upload
