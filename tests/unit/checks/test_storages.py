import pytest
from django.core.checks import run_checks
from django.core.files.storage import FileSystemStorage
from django.db import models
from django.test.utils import isolate_apps

from s3_file_uploader.checks.storages import check_storages
from s3_file_uploader.storage import UploadStorage
from tests.support.storages import STATIC, UPLOAD_STORAGE

MIDDLEWARE = "s3_file_uploader.middleware.StorageMiddleware"


def found(storages, settings, *, middleware=(MIDDLEWARE,)):
    settings.STORAGES = {"staticfiles": STATIC, **storages}
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, *middleware]
    return {message.id.partition(".")[2]: message.msg for message in run_checks() if "storages" not in message.id}


def default(**options):
    return {"default": {"BACKEND": UPLOAD_STORAGE, "OPTIONS": options}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"bucket": "bucket-one"}, set()),
        ({"bucket": "bucket-one", "adopted_prefix": "", "prefix": "a/", "disposition": "attachment"}, set()),
        ({}, {"E040"}),
        ({"bucket": "No Bucket"}, {"E040"}),
        ({"bucket": "bucket-one", "location": "media"}, {"E041"}),
        ({"bucket": "bucket-one", "prefix": "files"}, {"E041"}),
        ({"bucket": "bucket-one", "prefix": ""}, {"E041"}),
        ({"bucket": "bucket-one", "prefix": "uploads/"}, {"E041"}),
        ({"bucket": "bucket-one", "adopted_prefix": "files/"}, {"E041"}),
        ({"bucket": "bucket-one", "adopted_prefix": "media"}, {"E041"}),
        ({"bucket": "bucket-one", "expires_in_seconds": 0}, {"E041"}),
        ({"bucket": "bucket-one", "expires_in_seconds": "60"}, {"E041"}),
        ({"bucket": "bucket-one", "disposition": "other"}, {"E041"}),
    ],
)
def test_options_of_settings_are_checked(settings, options, expected):
    messages = found(default(**options), settings)
    assert set(messages) == expected
    assert all("STORAGES['default']" in message for message in messages.values())


def test_static_files_are_refused(settings):
    static = {"BACKEND": UPLOAD_STORAGE, "OPTIONS": {"bucket": "bucket-one"}}
    assert set(found({"staticfiles": static}, settings)) == {"E042"}


def test_missing_middleware_is_told(settings):
    assert set(found(default(bucket="bucket-one"), settings, middleware=())) == {"W020"}
    assert found({"default": STATIC}, settings, middleware=()) == {}


def test_bucket_of_a_storage_may_have_a_policy(settings):
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["bucket-two"]
    settings.S3_FILE_UPLOADER_POLICIES = {"bucket-one": {"max_file_bytes": 1}}
    assert set(found({}, settings)) == {"W011"}
    assert found(default(bucket="bucket-one"), settings) == {}


def test_unknown_backend_is_left_to_django(settings):
    settings.STORAGES = {"default": {"BACKEND": "nothing.Storage"}, "other": {}}
    assert check_storages() == []


def test_storage_of_a_field_is_checked():
    with isolate_apps("tests.people") as registry:
        fields = {
            "file": models.FileField(storage=UploadStorage()),
            "other": models.FileField(storage=FileSystemStorage()),
        }
        meta = type("Meta", (), {"app_label": "people"})
        type("Report", (models.Model,), {"__module__": __name__, "Meta": meta, **fields})
        messages = check_storages(app_configs=list(registry.get_app_configs()))
    assert [message.id.partition(".")[2] for message in messages] == ["E040", "W020"]
    assert messages[0].msg == "people.Report.file has no bucket."
