"""The widget in Chromium: in a page under a strict policy, without JavaScript, and in Django's admin."""

from contextlib import ExitStack

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import expect

from s3_file_uploader.models import FileUpload
from tests.gallery.models import Profile, Report
from tests.integration.uppy.browser import Chromium

pytestmark = pytest.mark.urls("tests.gallery.urls")
FILES = [
    {"name": f"page {number}.txt", "mimeType": "text/plain", "buffer": b"content %d" % number} for number in range(3)
]
DROP = """file => {
    const data = new DataTransfer();
    data.items.add(new File(["dropped"], file, {type: "text/plain"}));
    document.querySelector("s3-upload").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
}"""
HELD = "s3-upload [role=listitem]:has(input[type=hidden])"


@pytest.fixture(scope="module")
def chromium():
    with Chromium() as chromium:
        yield chromium


@pytest.fixture
def person(transactional_db):
    return User.objects.create_user("person", is_staff=True, is_superuser=True)


@pytest.fixture
def visit(chromium, live_server, person, bucket, settings):
    """Run a function in a page of the signed-in user; the page must not complain of anything."""
    settings.S3_FILE_UPLOADER_FORM_BUCKET = bucket
    client = Client()
    client.force_login(person)
    cookies = [{"name": name, "value": cookie.value, "url": live_server.url} for name, cookie in client.cookies.items()]

    def run(path, story, **options):
        complaints = []
        with ExitStack() as stack:
            context = chromium._browser.new_context(**options)
            stack.callback(context.close)
            context.add_cookies(cookies)
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(live_server.url + path)
            story(page)
        assert complaints == []

    return lambda path, story, **options: chromium.do(run, path, story, **options)


def save(page, button="Save"):
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()


def test_page_uploads_shows_and_removes(visit):
    report = Report.objects.create(title="Report")

    def attach(page):
        page.get_by_label("Attachments").set_input_files(FILES)
        expect(page.locator(HELD)).to_have_count(3)
        page.get_by_role("button", name="Remove: page 1.txt").click()
        page.evaluate(DROP, "dropped.txt")
        expect(page.locator(HELD)).to_have_count(3)
        assert "dropped.txt: Uploaded" in page.get_by_role("status").inner_text()
        page.get_by_label("Attachments").set_input_files([{**FILES[0], "name": "large.txt", "buffer": b"x" * 101}])
        assert page.get_by_text("The file is larger than 100 bytes.", exact=True).is_visible()
        page.get_by_role("button", name="Remove: large.txt").press("Enter")
        assert page.evaluate("document.activeElement.type") == "file"
        save(page)
        assert page.get_by_role("link").all_inner_texts() == ["page 0.txt", "page 2.txt", "dropped.txt"]
        page.get_by_role("checkbox", name="Remove page 2.txt").press("Space")
        save(page)
        assert page.get_by_role("link").all_inner_texts() == ["page 0.txt", "dropped.txt"]

    visit(f"/reports/{report.pk}/", attach)
    assert [upload.original_name for upload in report.attachments.all()] == ["page 0.txt", "dropped.txt"]
    assert {upload.strategy for upload in report.attachments.all()} == {""}, "Small files take one request."
    assert FileUpload.objects.stored().unattached().values_list("original_name", flat=True).get() == "page 1.txt"


def test_form_waits_for_an_upload_and_cancels_it(visit):
    report = Report.objects.create(title="Report")

    def cancel(page):
        page.route("**/files/**", lambda route: None)
        page.get_by_label("Attachments").set_input_files(FILES[:1])
        page.get_by_role("button", name="Save", exact=True).click()
        assert page.evaluate("document.querySelector('input[type=file]').validationMessage").startswith("Wait until")
        page.get_by_role("button", name="Cancel: page 0.txt").click()
        save(page)

    visit(f"/reports/{report.pk}/", cancel)
    assert not report.attachments.exists()


def test_page_without_javascript_sends_files_with_the_form(visit):
    report = Report.objects.create(title="Report")

    def attach(page):
        page.get_by_label("Attachments").set_input_files(FILES[:2])
        save(page)
        assert page.get_by_role("link").all_inner_texts() == ["page 0.txt", "page 1.txt"]

    visit(f"/reports/{report.pk}/", attach, java_script_enabled=False)
    assert report.attachments.count() == 2


def test_admin_uploads_and_replaces(visit):
    profile = Profile.objects.create(name="Ada")

    def attach(page):
        for name in ("one.txt", "two.txt"):
            field = page.locator(".field-avatar")
            field.locator("input[type=file]").set_input_files([{**FILES[0], "name": name}])
            field.locator("[role=listitem]:has(input[type=hidden])").wait_for()
            save(page, "Save and continue editing")
            assert field.get_by_role("link").all_inner_texts() == [name]

    visit(f"/admin/gallery/profile/{profile.pk}/change/", attach)
    profile.refresh_from_db()
    assert profile.avatar.original_name == "two.txt"
    # The record of the other file stays until its signed URL has expired.
    assert FileUpload.objects.stored().get() == profile.avatar
