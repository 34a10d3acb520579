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


def ticket_of(user, method="POST", file_name="été 😀.mp4"):
    return Ticket(str(user.pk), method, str(UPLOAD_ID), file_name)


def asked(text, method="POST"):
    return Request(RequestFactory().generic(method, "/"), parser_context={"kwargs": {"ticket": text}})


def test_a_ticket_says_what_it_was_made_for(user):
    ticket = ticket_of(user)
    assert Ticket.read(ticket.text()) == ticket
    assert ticket.id == UPLOAD_ID
    assert TicketAuthentication().authenticate(asked(ticket.text())) == (user, ticket)


def test_the_longest_name_fits_into_what_servers_read(user):
    assert len(ticket_of(user, file_name="😀" * (MAX_KEY_BYTES // 4)).text()) < 2000


@pytest.mark.parametrize("name", ["GET", "PUT", "DELETE"])
def test_a_ticket_is_for_one_method(user, name):
    with pytest.raises(AuthenticationFailed, match="signed again"):
        TicketAuthentication().authenticate(asked(ticket_of(user).text(), name))


def test_a_forged_ticket(user):
    text = ticket_of(user).text()
    with pytest.raises(AuthenticationFailed, match="signed again"):
        TicketAuthentication().authenticate(asked(f"x{text}"))


def test_what_was_signed_for_something_else(user):
    with pytest.raises(AuthenticationFailed, match="signed again"):
        TicketAuthentication().authenticate(asked(signing.dumps({"user": str(user.pk)}, salt="another")))


def test_an_old_ticket(user, settings):
    text = ticket_of(user).text()
    settings.S3_FILE_UPLOADER_DIRECT_URL_EXPIRATION_SECONDS = -1
    with pytest.raises(AuthenticationFailed, match="signed again"):
        TicketAuthentication().authenticate(asked(text))


@pytest.mark.parametrize("gone", [True, False])
def test_whose_ticket_is_not_active_or_gone(user, gone):
    text = ticket_of(user).text()
    user.is_active = False
    user.delete() if gone else user.save()
    with pytest.raises(AuthenticationFailed, match="signed again"):
        TicketAuthentication().authenticate(asked(text))


def test_a_secret_is_taken_out_of_the_address():
    raw = {"RAW_URI": "/uppy/token/s%65cret/s3/params?key=1", "REQUEST_URI": "/uppy/token/secret/s3/params?key=1"}
    request = RequestFactory().get("/uppy/token/secret/s3/params?key=1", **raw)
    redact(request, "secret")
    told = "/uppy/token/.../s3/params"
    assert (request.path, request.path_info, request.META["PATH_INFO"]) == (told, told, told)
    assert (request.META["RAW_URI"], request.META["REQUEST_URI"]) == (f"{told}?key=1", f"{told}?key=1")
    assert "secret" not in repr(request.META)
    assert "secret" not in request.build_absolute_uri()


def test_a_secret_is_taken_out_of_the_address_under_asgi(async_rf):
    request = async_rf.get("/uppy/token/secret/s3/params?key=1")
    redact(request, "secret")
    assert (request.scope["path"], request.scope["raw_path"]) == (
        "/uppy/token/.../s3/params",
        b"/uppy/token/.../s3/params",
    )
    assert "RAW_URI" not in request.META
    assert "secret" not in repr(request.META)


def test_a_secret_does_not_show_in_what_holds_it():
    held = {"token": Secret("secret")}
    assert repr(held) == pformat(held) == "{'token': '...'}"
    assert held == {"token": "secret"}
