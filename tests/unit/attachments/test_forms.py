"""Forms attach uploads by signed references, which the middleware makes of ids and of files."""

import re
import time

import pytest
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.signing import TimestampSigner, b62_encode
from django.forms import Select, SelectMultiple, modelform_factory
from django.http import QueryDict
from django.test import RequestFactory
from django.urls import reverse

from s3_file_uploader.attachments import UploadFormField
from s3_file_uploader.attachments.middleware import FormUploadMiddleware, Refused
from s3_file_uploader.attachments.references import MARKER_NAME, MAX_AGE_SECONDS, REFERENCE_SALT, Marker, sign_reference
from s3_file_uploader.models import FileUpload
from tests.gallery.models import Profile, Report
from tests.unit.attachments.conftest import is_attached, is_there
from tests.unit.services.conftest import refusing

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.gallery.urls")]
CSRF = "csrfmiddlewaretoken"


@pytest.fixture(autouse=True)
def form_bucket(bucket, settings):
    settings.S3_FILE_UPLOADER_FORM_BUCKET = bucket


@pytest.fixture
def report():
    return Report.objects.create(title="Report")


@pytest.fixture
def page(client, user, report, committed):
    """Return a function that loads the page, changes its form as a browser would, and sends it."""
    client.force_login(user)

    def send(address=f"/reports/{report.pk}/", **changed):
        fields = hidden_inputs(client.get(address).content.decode())
        with committed():
            return client.post(address, {**fields, "title": "Report", **changed})

    return send


def hidden_inputs(page):
    return dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', page))


def file(name="a.txt", content=b"content"):
    return SimpleUploadedFile(name, content, "text/plain")


def test_ids_of_own_uploads_are_attached_in_order(page, report, user, upload_of):
    uploads = [upload_of(user) for _ in range(3)]
    assert page(attachments=[str(upload.pk) for upload in uploads]).status_code == 302
    assert list(report.attachments.all()) == uploads
    assert page(title="Only the title").status_code == 302
    assert page(**{"attachments-remove": [str(uploads[1].pk)], "attachments": str(uploads[0].pk)}).status_code == 302
    assert list(report.attachments.all()) == [uploads[0], uploads[2]]
    assert not is_there(uploads[1])


def test_files_without_javascript_are_stored_as_uploads(page, report, user):
    answer = page(attachments=[file("a.txt"), file("b.txt")])
    assert answer.status_code == 302
    assert [upload.original_name for upload in report.attachments.all()] == ["a.txt", "b.txt"]
    assert {(upload.user, upload.status) for upload in report.attachments.all()} == {(user, "stored")}


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (lambda other: str(other.pk), "Choose the file again"),
        (lambda other: sign_reference(other, "gallery.profile.avatar"), "Choose the file again"),
        (lambda other: "forged", "Choose the file again"),
        (lambda other: file(content=b"x" * 101), "up to 100 bytes"),
    ],
)
def test_what_is_not_yours_or_too_large_is_an_error(page, report, other, upload_of, sent, error):
    answer = page(attachments=sent(upload_of(other)))
    assert answer.status_code == 200
    assert error in answer.content.decode()
    assert not report.attachments.exists()


def test_reference_expires(page, report, upload):
    class OldSigner(TimestampSigner):
        def timestamp(self):
            return b62_encode(int(time.time()) - MAX_AGE_SECONDS - 1)

    content = {"upload": str(upload.pk), "user": str(upload.user_id), "path": "gallery.report.attachments"}
    text = OldSigner(salt=REFERENCE_SALT).sign_object(content)
    assert "Choose the file again" in page(attachments=text).content.decode()
    assert not report.attachments.exists()


def test_new_file_survives_an_error_elsewhere(page, report, user, upload):
    answer = page(attachments=str(upload.pk), title="x" * 51)
    assert answer.status_code == 200
    fields = hidden_inputs(answer.content.decode())
    assert "photo.png" in answer.content.decode()
    assert page(attachments=fields["attachments"]).status_code == 302
    assert list(report.attachments.all()) == [upload]


def test_broken_store_is_an_error_of_the_field(page, report):
    with refusing():
        answer = page(attachments=file())
    assert answer.status_code == 200
    assert "errorlist" in answer.content.decode()


def test_admin_shows_replaces_and_removes(client, staff, upload_of, committed):
    client.force_login(staff)
    address = reverse("admin:gallery_profile_add")
    fields = hidden_inputs(client.get(address).content.decode())
    with committed():
        client.post(
            address, {**fields, **markers(client, address), "user": "", "avatar": file("first.txt"), "cover": ""}
        )
    first = Profile.objects.get().avatar
    assert (first.original_name, first.user) == ("first.txt", staff)
    address = reverse("admin:gallery_profile_change", args=[Profile.objects.get().pk])
    page = client.get(address).content.decode()
    assert "first.txt" in page
    assert "X-Amz-Signature" in page
    assert not re.search(r"(add|change|view|delete)_id_avatar", page)
    with committed():
        client.post(address, {**markers(client, address), "user": "", "avatar": file("second.txt")})
    assert Profile.objects.get().avatar.original_name == "second.txt"
    assert not is_there(first)
    with committed():
        client.post(
            address, {**markers(client, address), "user": "", "avatar-remove": str(Profile.objects.get().avatar_id)}
        )
    assert Profile.objects.get().avatar is None


def markers(client, address):
    return {MARKER_NAME: re.findall(rf'name="{MARKER_NAME}" value="([^"]*)"', client.get(address).content.decode())}


def test_address_of_the_admin_names_no_upload(client, staff, upload_of, other):
    client.force_login(staff)
    secret = upload_of(other, name="secret.png")
    for model, name in (("profile", "avatar"), ("report", "attachments")):
        page = client.get(reverse(f"admin:gallery_{model}_add"), {name: str(secret.pk)}).content.decode()
        assert f'data-name="{name}"' in page
        assert "X-Amz-Signature" not in page
        assert f'value="{secret.pk}"' not in page.split("<s3-upload", 1)[1].split("</s3-upload>")[0]


def test_disabled_field_keeps_its_file(profile, upload):
    form_class = modelform_factory(Profile, fields=["avatar"])
    form_class.base_fields["avatar"].disabled = True
    form = form_class({"avatar-remove": str(upload.pk), "avatar": "forged"}, instance=profile)
    assert form.is_valid(), form.errors
    assert form.cleaned_data == {"avatar": upload}
    assert "photo.png" in str(form)
    assert "checked" not in str(form)


def test_form_without_a_model_has_its_own_limits(page, user, upload, upload_of):
    assert page("/contact/", message="m", file=str(upload.pk)).content.decode() == str(upload)
    html = upload_of(user, b"{}", "a.json", "application/json")
    assert "not taken here" in page("/contact/", message="m", file=str(html.pk)).content.decode()
    assert page("/contact/", message="m").content == b"None"


def test_form_without_the_middleware_says_what_is_missing(settings, page):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "FormUpload" not in name]
    assert "Add FormUploadMiddleware" in page(attachments=file()).content.decode()


def test_middleware_leaves_other_requests_alone(client, user, report):
    address = f"/reports/{report.pk}/"
    fields = hidden_inputs(client.get(address).content.decode())
    answer = client.post(address, {**fields, "title": "t", "attachments": file()})
    assert "not stored" in answer.content.decode(), "An anonymous user stores nothing."
    client.force_login(user)
    answer = client.post(address, {"title": "t", MARKER_NAME: "forged", "attachments": file()})
    assert "not stored" in answer.content.decode()
    request = RequestFactory().post("/", {})
    request.user = user
    FormUploadMiddleware(lambda request: None).process_view(request, client, (), {})
    assert "_post" not in vars(request), "The body belongs to the view."
    assert not FileUpload.objects.exists()


def test_required_field_wants_a_file(upload):
    field = UploadFormField()
    with pytest.raises(ValidationError, match="required"):
        field.clean(None)
    assert field.clean(None, upload) == upload
    assert field.clean(None, upload.pk) == upload
    assert not field.has_changed(upload, None)


def test_widget_without_a_bucket_names_the_setting(settings):
    settings.S3_FILE_UPLOADER_FORM_BUCKET = None
    with pytest.raises(ImproperlyConfigured, match="FORM_BUCKET"):
        str(modelform_factory(Profile, fields=["avatar"])())


def test_widget_without_the_api_is_a_plain_input(settings, upload):
    settings.ROOT_URLCONF = "rest_framework.urls"
    form = modelform_factory(Report, fields=["attachments"])(initial={"attachments": [upload]})
    assert "data-service" not in str(form)
    assert 'type="file" name="attachments"' in str(form)
    assert form.media


def test_widget_shows_a_file_in_quarantine_without_a_link(profile):
    FileUpload.objects.update(status="quarantined")
    shown = str(modelform_factory(Profile, fields=["avatar"])(instance=Profile.objects.get()))
    assert "photo.png" in shown
    assert "<a href" not in shown
    assert 'accept="image/*,text/plain,.png,.txt"' in shown


def test_custom_widget_makes_django_own_form_field():
    assert type(Profile._meta.get_field("avatar").formfield(widget=Select)).__name__ == "ModelChoiceField"
    assert (
        type(Report._meta.get_field("pictures").formfield(widget=SelectMultiple)).__name__ == "ModelMultipleChoiceField"
    )


def test_data_may_be_a_plain_mapping(upload):
    form = modelform_factory(Profile, fields=["avatar"])({"avatar": sign_reference(upload, "gallery.profile.avatar")})
    assert form.is_valid(), form.errors
    assert form.save().avatar == upload
    assert is_attached(upload)
    widget = form.fields["avatar"].widget
    assert widget.value_omitted_from_data({}, {}, "avatar")
    assert not widget.value_omitted_from_data({MARKER_NAME: "text"}, {}, "avatar")


def test_rows_that_a_formset_adds_are_found(page):
    marker = Marker("attachments-__prefix__", "gallery.report.attachments", "bucket", 5).sign()
    answer = page(**{MARKER_NAME: marker, "attachments-12": file(), "attachments-x": file()})
    assert answer.wsgi_request.POST.getlist("attachments-12") == [Refused("Files up to 5 bytes are taken here.")]
    assert list(answer.wsgi_request.FILES) == ["attachments-x"]


def test_data_of_a_form_are_copied_once(user, monkeypatch):
    copies = []
    copy = QueryDict.copy
    monkeypatch.setattr(QueryDict, "copy", lambda self: copies.append(1) or copy(self))
    marker = Marker("file-__prefix__", "contact.file", "bucket", 5).sign()
    request = RequestFactory().post("/", {MARKER_NAME: marker, **{f"file-{row}": "text" for row in range(100)}})
    request.user, request.csrf_processing_done = user, True
    FormUploadMiddleware(lambda request: None).process_view(request, None, (), {})
    assert request.POST["file-99"] == "text"
    assert len(copies) == 1
