import uuid
from pprint import pformat

import pytest
from django.core import signing
from django.test import RequestFactory
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from s3_file_uploader.api.authentication import Secret, Ticket, TicketAuthentication, redact
from s3_file_uploader.values import MAX_KEY_BYTES

UPLOAD_ID = uuid.uuid4()


def make_ticket(user, method="POST", file_name="été 😀.mp4"):
    return Ticket(str(user.pk), method, str(UPLOAD_ID), file_name)


def build_request(text, method="POST"):
    return Request(RequestFactory().generic(method, "/"), parser_context={"kwargs": {"ticket": text}})


def test_ticket_is_read_as_it_was_made(user):
    ticket = make_ticket(user)
    assert Ticket.read(ticket.text()) == ticket
    assert ticket.id == UPLOAD_ID
    assert TicketAuthentication().authenticate(build_request(ticket.text())) == (user, ticket)


def test_ticket_with_the_longest_name_fits_into_a_url(user):
    assert len(make_ticket(user, file_name="😀" * (MAX_KEY_BYTES // 4)).text()) < 2000


@pytest.mark.parametrize("name", ["GET", "PUT", "DELETE"])
def test_ticket_with_another_method_is_refused(user, name):
    with pytest.raises(AuthenticationFailed, match="wrong or expired"):
        TicketAuthentication().authenticate(build_request(make_ticket(user).text(), name))


def test_ticket_that_is_forged_is_refused(user):
    text = make_ticket(user).text()
    with pytest.raises(AuthenticationFailed, match="wrong or expired"):
        TicketAuthentication().authenticate(build_request(f"x{text}"))


def test_ticket_with_another_salt_is_refused(user):
    with pytest.raises(AuthenticationFailed, match="wrong or expired"):
        TicketAuthentication().authenticate(build_request(signing.dumps({"user": str(user.pk)}, salt="another")))


def test_ticket_that_expired_is_refused(user, settings):
    text = make_ticket(user).text()
    settings.S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS = -1
    with pytest.raises(AuthenticationFailed, match="wrong or expired"):
        TicketAuthentication().authenticate(build_request(text))


@pytest.mark.parametrize("is_deleted", [True, False])
def test_ticket_of_an_inactive_or_deleted_user_is_refused(user, is_deleted):
    text = make_ticket(user).text()
    user.is_active = False
    user.delete() if is_deleted else user.save()
    with pytest.raises(AuthenticationFailed, match="wrong or expired"):
        TicketAuthentication().authenticate(build_request(text))


def test_redact_removes_the_secret_from_the_request():
    raw = {"RAW_URI": "/uppy/token/s%65cret/s3/params?key=1", "REQUEST_URI": "/uppy/token/secret/s3/params?key=1"}
    request = RequestFactory().get("/uppy/token/secret/s3/params?key=1", **raw)
    redact(request, "secret")
    redacted = "/uppy/token/.../s3/params"
    assert (request.path, request.path_info, request.META["PATH_INFO"]) == (redacted, redacted, redacted)
    assert (request.META["RAW_URI"], request.META["REQUEST_URI"]) == (f"{redacted}?key=1", f"{redacted}?key=1")
    assert "secret" not in repr(request.META)
    assert "secret" not in request.build_absolute_uri()


def test_redact_under_asgi_removes_the_secret_from_the_scope(async_rf):
    request = async_rf.get("/uppy/token/secret/s3/params?key=1")
    redact(request, "secret")
    assert (request.scope["path"], request.scope["raw_path"]) == (
        "/uppy/token/.../s3/params",
        b"/uppy/token/.../s3/params",
    )
    assert "RAW_URI" not in request.META
    assert "secret" not in repr(request.META)


def test_secret_shows_as_dots():
    arguments = {"token": Secret("secret")}
    assert repr(arguments) == pformat(arguments) == "{'token': '...'}"
    assert arguments == {"token": "secret"}
