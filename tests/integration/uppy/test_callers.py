"""Uppy with a session, a header or a token in the endpoint may upload, and pages of other sites may not."""

import json

import pytest
from django.urls import reverse

from s3_file_uploader.models import FileUpload
from tests.conftest import client_of
from tests.integration.conftest import token_of
from tests.integration.uppy.steps import (
    MAJORS,
    MIB,
    endpoint_of,
    file_chosen,
    finished,
    nothing_left_check,
    sent,
    stored_check,
    uppy_open,
)

UNAUTHORIZED = "Failed to load resource: the server responded with a status of 401 (Unauthorized)"
OPEN = "address => { location = address }"
SEND_FORM = """address => {
    const form = document.createElement("form");
    Object.assign(form, {action: address, method: "POST", enctype: "text/plain"});
    document.body.append(form);
    form.submit();
}"""


def upload_token(pages, person) -> dict[str, str]:
    answer = client_of(person).post(
        reverse("s3_service-upload-token-list"), headers={"host": f"127.0.0.1:{pages.port}"}
    )
    assert answer.status_code == 201
    return dict(answer.json())


@pytest.mark.parametrize("size", [1000, 20 * MIB])
def test_uppy_5_with_a_header_uploads(visitor_of, pages, user, file_of, size):
    visitor, path, headers = visitor_of(None), file_of(size), {"Authorization": token_of(user)}
    uppy_open(visitor, pages, "five", plugin={"headers": headers}, headers=headers)
    stored_check(user, path, sent(visitor, path))
    assert visitor.complaints == []


@pytest.mark.parametrize("size", [1000, 20 * MIB])
@pytest.mark.parametrize("major", MAJORS)
def test_uppy_with_a_token_in_the_url_uploads(visitor_of, pages, user, file_of, major, size):
    token = upload_token(pages, user)
    assert token["endpoint"] == f"{endpoint_of(pages)}/token/{token['token']}"
    visitor, path = visitor_of(None), file_of(size)
    uppy_open(visitor, pages, major, endpoint=token["endpoint"])
    stored_check(user, path, sent(visitor, path))
    assert visitor.complaints == []
    assert "/uppy/token/.../s3/" in pages.log
    assert token["token"] not in pages.log


@pytest.mark.parametrize("major", MAJORS)
def test_uppy_with_a_revoked_token_is_refused(visitor_of, pages, user, file_of, major):
    token = upload_token(pages, user)
    visitor, path = visitor_of(None), file_of(40 * MIB)
    uppy_open(visitor, pages, major, endpoint=token["endpoint"])
    visitor.run("pauseAfter", 2)
    file_chosen(visitor, path)
    visitor.wait_for("seen.parts >= 2")
    client_of(user).delete(reverse("s3_service-upload-token", args=[token["id"]]))
    visitor.run("resume")
    result = finished(visitor)
    assert (result["successful"], result["failed"]) == (0, 1)
    assert UNAUTHORIZED in visitor.complaints
    assert FileUpload.objects.get().status == "pending"
    assert token["token"] not in pages.log


@pytest.mark.parametrize("address", ["s3/multipart", "s3/params?filename=x.txt&type=text/plain"])
def test_uppy_on_another_site_is_refused(visitor_of, pages, user, address):
    visitor = visitor_of(user)
    visitor.goto(f"http://127.0.0.1:{pages.port}/pages/six/")  # Pages of this site have the session.
    visitor.goto(f"http://localhost:{pages.port}/pages/six/")
    send = OPEN if "?" in address else SEND_FORM
    status, body, cookies = visitor.answer_to(send, f"{endpoint_of(pages)}/{address}")
    assert (status, json.loads(body)["code"]) == (403, "permission_denied")
    assert "sessionid=" in cookies
    nothing_left_check()


def test_form_on_this_site_without_csrf_token_is_refused(visitor_of, pages, user):
    visitor = visitor_of(user)
    visitor.goto(f"http://127.0.0.1:{pages.port}/pages/six/")
    status, body, cookies = visitor.answer_to(SEND_FORM, f"{endpoint_of(pages)}/s3/multipart")
    assert (status, json.loads(body)["code"]) == (403, "permission_denied")
    assert "sessionid=" in cookies
    nothing_left_check()


@pytest.mark.parametrize("major", MAJORS)
def test_uppy_without_a_login_is_refused(visitor_of, pages, file_of, major):
    visitor, path = visitor_of(None), file_of(1000)
    uppy_open(visitor, pages, major)
    assert sent(visitor, path)["failed"] == 1
    assert UNAUTHORIZED in visitor.complaints
    nothing_left_check()
