"""The page of the console, its sign-in and its session, through Django's own client."""

import json
import re

import pytest
from django.contrib.auth import get_user
from django.contrib.auth.views import LoginView
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.urls import include, path, reverse

from s3_file_uploader.console.security import MAX_BUCKETS, build_policy, find_origins
from s3_file_uploader.s3.client import get_client
from tests.support.documents import blocks_of

SIGN_IN, SESSION = "/sign-in/", "/session/"
PASSWORD = "test-password"
ENDPOINT = {"AWS_S3_ENDPOINT_URL": "http://store.internal:9000", "AWS_S3_PUBLIC_ENDPOINT_URL": "https://s3.example.com"}


class OnlyTheConsole:
    urlpatterns = (path("files/", include("s3_file_uploader.console")),)


class Elsewhere:
    urlpatterns = (path("files/", include("s3_file_uploader.console")), path("x/", include("s3_file_uploader.urls")))


@pytest.fixture
def page(user, bucket, client):
    """Return a function that loads the page as a user and returns the response and its data."""
    client.force_login(user)

    def load(address="/"):
        response = client.get(address)
        assert response.status_code == 200
        found = re.search(r'<script id="page" type="application/json">(.*?)</script>', response.content.decode())
        assert found
        return response, json.loads(found[1])

    return load


def directives(response):
    return {part.split()[0]: part.split()[1:] for part in response["Content-Security-Policy"].split("; ")}


# --- the page ---------------------------------------------------------------------------------------------------------


def test_page_without_session_leads_to_sign_in_and_back(client, db):
    response = client.get("/?bucket=b&folder=c/")
    assert response.status_code == 302
    assert response["Location"] == "/sign-in/?next=/%3Fbucket%3Db%26folder%3Dc/"


def test_page_tells_the_script_what_it_needs(page, user):
    response, data = page()
    assert data["service"] == "/modules/s3-file-uploader/service/"
    assert data["user"] == {"id": str(user.pk), "name": user.username, "isStaff": False}
    assert data["reachable"] == ["bucket-one"]
    assert data["csrf"]["cookie"] == "csrftoken"
    assert data["urls"]["console"] == "/"
    assert response["Cache-Control"] == "no-store"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"


def test_page_has_no_inline_script_or_style(page):
    response, _ = page()
    assert (
        re.findall(r"<script(?![^>]*(?: src=|application/json))|<style|style=| on\w+=", response.content.decode()) == []
    )


def test_page_mounted_elsewhere_knows_its_addresses(page, settings):
    settings.ROOT_URLCONF = Elsewhere
    _, data = page("/files/")
    assert data["service"] == "/x/service/"
    assert data["urls"]["session"] == "/files/session/"


def test_page_without_the_service_says_what_to_add(page, settings):
    settings.ROOT_URLCONF = OnlyTheConsole
    with pytest.raises(ImproperlyConfigured, match="add path"):
        page("/files/")


def test_page_with_hidden_csrf_cookie_names_none(page, settings):
    settings.CSRF_COOKIE_HTTPONLY = True
    assert page()[1]["csrf"]["cookie"] is None


def test_page_loads_while_the_store_is_down(page, settings):
    settings.AWS_S3_ENDPOINT_URL = "http://127.0.0.1:9"
    settings.S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
    response, data = page()
    assert data["reachable"] == []
    assert directives(response)["frame-src"] == ["'none'"]


def test_page_in_a_language_from_right_to_left_says_so(page, settings):
    settings.LANGUAGES = [("ar", "Arabic")]
    settings.LANGUAGE_CODE = "ar"
    assert '<html lang="ar" dir="rtl">' in page()[0].content.decode()


# --- the policy -------------------------------------------------------------------------------------------------------


def test_policy_in_virtual_host_style_names_each_bucket(page, settings):
    settings.AWS_STORAGE_REGION = "us-east-1"
    get_client().create_bucket(Bucket="bucket-two")
    response, data = page("/?bucket=bucket-two")
    assert data["reachable"] == ["bucket-two", "bucket-one"]
    origins = ["https://bucket-one.s3.amazonaws.com", "https://bucket-two.s3.amazonaws.com"]
    policy = directives(response)
    assert policy["connect-src"] == ["'self'", *origins]
    assert policy["img-src"] == ["'self'", "blob:", *origins]
    assert policy["media-src"] == ["'self'", "blob:", *origins]
    assert policy["frame-src"] == origins
    assert "unsafe" not in response["Content-Security-Policy"]


def test_origins_in_path_style_are_one_for_all_buckets(settings):
    for name, value in ENDPOINT.items():
        setattr(settings, name, value)
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test-key"
    names = [f"bucket-{number}" for number in range(MAX_BUCKETS + 5)]
    assert find_origins(names) == dict.fromkeys(names, "https://s3.example.com")


def test_page_in_path_style_reaches_all_buckets(page, settings):
    settings.AWS_S3_ADDRESSING_STYLE = "path"
    assert page()[1]["reachable"] is None


def test_origins_in_virtual_host_style_are_bounded(settings):
    for name, value in {**ENDPOINT, "AWS_S3_ADDRESSING_STYLE": "virtual"}.items():
        setattr(settings, name, value)
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test-key"
    origins = find_origins(f"bucket-{number}" for number in range(MAX_BUCKETS + 5))
    assert len(origins) == MAX_BUCKETS
    assert origins["bucket-0"] == "https://bucket-0.s3.example.com"
    assert len(build_policy(origins.values())) < 4000


def test_origins_leave_out_a_bucket_without_address(aws, bucket):
    assert list(find_origins(["no-such-bucket", bucket])) == [bucket]


def test_policy_names_the_origin_of_static_files(settings):
    settings.STATIC_URL = "https://cdn.example.com/static/"
    assert "script-src 'self' https://cdn.example.com;" in build_policy(())


# --- sign-in ----------------------------------------------------------------------------------------------------------


def test_sign_in_works_without_javascript(client, user):
    user.set_password(PASSWORD)
    user.save()
    form = client.get(f"{SIGN_IN}?next=/%3Fbucket%3Db")
    assert "script" not in directives(form)["default-src"]
    assert "<script" not in form.content.decode()
    wrong = client.post(SIGN_IN, {"username": user.username, "password": "wrong"})
    assert 'role="alert"' in wrong.content.decode()
    response = client.post(SIGN_IN, {"username": user.username, "password": PASSWORD, "next": "/?bucket=b"})
    assert (response.status_code, response["Location"]) == (302, "/?bucket=b")
    assert client.get(SIGN_IN)["Location"] == reverse("s3_file_uploader_console:console")
    assert client.get(SIGN_IN, {"next": SIGN_IN})["Location"] == reverse("s3_file_uploader_console:console")


def test_sign_in_leads_to_no_other_site(client, user):
    user.set_password(PASSWORD)
    user.save()
    fields = {"username": user.username, "password": PASSWORD, "next": "https://evil.example.com/"}
    assert client.post(SIGN_IN, fields)["Location"] == "/"


def test_own_sign_in_of_the_docs_comes_first(client, user, settings):
    user.set_password(PASSWORD)
    user.save()
    (code,) = blocks_of("docs/how-to/console.md", "python", "test_own_sign_in_of_the_docs_comes_first")
    names = {"urlpatterns": [path("login/", LoginView.as_view(), name="login"), *Elsewhere.urlpatterns[1:]]}
    exec(code, names)  # noqa: S102 - ours, from the docs
    settings.ROOT_URLCONF = type("Urls", (), {"urlpatterns": tuple(names["urlpatterns"])})
    fields = {"username": user.username, "password": PASSWORD}
    assert client.get("/files/")["Location"] == "/files/sign-in/?next=/files/"
    assert client.post("/files/sign-in/?next=/files/", fields)["Location"] == "/login/?next=/files/"
    assert client.post("/files/session/", fields).status_code == 405
    assert not get_user(client).is_authenticated
    assert client.get("/files/session/").json()["user"] is None


def test_sign_out_ends_the_session(client, user):
    client.force_login(user)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == SIGN_IN
    assert not get_user(client).is_authenticated


# --- the session ------------------------------------------------------------------------------------------------------


def test_session_tells_who_is_signed_in(client, user):
    assert client.get(SESSION).json()["user"] is None
    client.force_login(user)
    answer = client.get(SESSION)
    assert answer.json()["user"]["name"] == user.username
    assert answer["Cache-Control"] == "no-store"


def test_session_begins_again_with_the_csrf_token(user):
    user.set_password(PASSWORD)
    user.save()
    client = Client(enforce_csrf_checks=True)
    token = client.get(SESSION).json()["csrf"]
    fields = {"username": user.username, "password": PASSWORD}
    assert client.post(SESSION, fields).status_code == 403
    wrong = client.post(SESSION, {**fields, "password": "wrong"}, headers={"X-CSRFToken": token})
    assert wrong.status_code == 400
    assert "correct username" in wrong.json()["detail"]
    answer = client.post(SESSION, fields, headers={"X-CSRFToken": token})
    assert answer.json()["user"]["id"] == str(user.pk)
    assert get_user(client) == user
    assert client.post("/sign-out/", headers={"X-CSRFToken": answer.json()["csrf"]}).status_code == 302


# --- the texts --------------------------------------------------------------------------------------------------------


def test_catalogue_has_the_texts_of_the_language_and_an_etag(client, settings):
    response = client.get("/catalogue.js", headers={"Accept-Language": "de"})
    assert "Dateien hochladen" in json.dumps(response.content.decode(), ensure_ascii=False)
    again = client.get("/catalogue.js", headers={"Accept-Language": "de", "If-None-Match": response["ETag"]})
    assert again.status_code == 304
    assert "Dateien hochladen" not in client.get("/catalogue.js").content.decode()
