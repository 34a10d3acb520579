"""A host subclasses, unregisters and links pages of the admin."""

import re
from pathlib import Path

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import User
from django.urls import path

from s3_file_uploader.models import FileUpload, UploadToken
from tests.unit.admin.conftest import LIST, make_record

PAGE = Path(__file__).resolve().parents[3] / "docs/how-to/admin.md"


@pytest.fixture
def registry():
    """Put back what a test registers."""
    before = dict(site._registry)
    yield
    site._registry.clear()
    site._registry.update(before)


def test_block_of_the_docs(registry, admin, user, settings):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(compile(block, "admin.py", "exec"), {"__name__": "host.admin"})  # noqa: S102 - a block of our own docs
    # The addresses hold the views of the admin that was registered when they were made.
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": [path("admin/", site.urls)]})
    upload = make_record(user, "a")
    assert type(site.get_model_admin(FileUpload)).__name__ == "MyFileUploadAdmin"
    assert type(site.get_model_admin(User)).__name__ == "MyUserAdmin"
    assert not site.is_registered(UploadToken)
    page = admin.get(LIST)
    assert page.context["cl"].list_per_page == 20
    assert "settle_now" in page.content.decode()
    assert f"{LIST}?user={user.pk}" in admin.get(f"{LIST}{upload.pk}/change/").content.decode()
