"""The blocks of docs/how-to/attach-uploads.md run."""

import sys

import pytest
from django.db import models
from django.template import engines
from django.test import RequestFactory
from django.test.utils import isolate_apps
from django.utils.module_loading import import_string

from s3_file_uploader.attachments import UploadField, UploadsField
from tests.gallery import models as gallery
from tests.gallery.forms import ReportView
from tests.support.documents import blocks_of

pytestmark = pytest.mark.django_db
PAGE = "docs/how-to/attach-uploads.md"


def run(test, language="python", **names):
    (code,) = blocks_of(PAGE, language, test)
    exec(code, names)  # noqa: S102 - ours, from the docs
    return names


def test_models_of_the_page():
    with isolate_apps("tests.gallery"):
        names = run("test_models_of_the_page", __name__="tests.gallery.models")
    assert isinstance(names["Profile"]._meta.get_field("avatar"), UploadField)
    assert names["Profile"]._meta.get_field("avatar").max_bytes == 5 * 2**20
    assert isinstance(names["Report"]._meta.get_field("attachments"), UploadsField)
    assert issubclass(names["Report"], models.Model)


def test_python_of_the_page(user, upload_of, committed):
    first, second = upload_of(user), upload_of(user)
    rows = {"profile": gallery.Profile(), "report": gallery.Report.objects.create()}
    with committed():
        names = run(
            "test_python_of_the_page",
            **{"upload": upload_of(user), "first": first, "second": second, "Profile": gallery.Profile, **rows},
        )
    assert names["head"] == b"content"
    assert list(rows["report"].attachments.all()) == [second]


def test_serializer_of_the_page(user, upload, monkeypatch):
    monkeypatch.setitem(sys.modules, "my_app", gallery)
    monkeypatch.setitem(sys.modules, "my_app.models", gallery)
    serializer_class = run("test_serializer_of_the_page")["ReportSerializer"]
    request = RequestFactory().post("/")
    request.user = user
    data = {"title": "one", "attachments": [str(upload.pk)]}
    serializer = serializer_class(data=data, context={"request": request})
    assert serializer.is_valid(), serializer.errors
    assert serializer.save().attachments.get() == upload
    (shown,) = serializer.data["attachments"]
    assert [*shown] == ["id", "original_name", "size", "content_type", "status", "url", "expires_at"]


def test_settings_of_the_page():
    names = run("test_settings_of_the_page", MIDDLEWARE=[])
    assert [import_string(path) for path in names["MIDDLEWARE"]]
    assert names["S3_FILE_UPLOADER_FORM_BUCKET"]


def test_form_of_the_page(settings, bucket):
    settings.S3_FILE_UPLOADER_FORM_BUCKET = bucket
    (page,) = blocks_of(PAGE, "html", "test_form_of_the_page")
    view = ReportView(request=RequestFactory().get("/"), object=gallery.Report.objects.create())
    shown = engines["django"].from_string(page).render({"form": view.get_form()}, view.request)
    assert "s3_file_uploader/s3-upload.js" in shown
    assert 'type="file" name="attachments" multiple' in shown
