"""Send every route and method as every kind of user, with ids of the owner, and check access and side effects.

A new route fails `test_every_route_has_a_row` until `ROWS` has a line for it: the route as in `urls.py`, and the
responses to its owner, to another user and to staff, such as `"404 upload_not_found"` or `"200"`. `World.values` fills
each `<...>` in a route, and each `{...}` in `query`, `body` and `headers`. A new kind of id needs a value there. After
`|`, a row describes its request. The first row of a route needs no description.
"""

import json
import re
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver
from rest_framework.permissions import BasePermission

from s3_file_uploader.api.authentication import Ticket
from s3_file_uploader.models import IdempotencyKey
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.services import share_create, upload_token_create
from tests.integration.conftest import token_of
from tests.support.served import SERVICE
from tests.unit.services.conftest import sent, started, stored_file

FORM, JSON = "multipart/form-data; boundary=b", "application/json"
METHODS = ("get", "post", "put", "patch", "delete")
ANONYMOUS, NO_RIGHTS = "401 not_authenticated", "403 permission_denied"
CALLERS = ("anonymous", "owner", "stranger", "staff", "staff of nothing")


class NotStaff(BasePermission):
    """This permission refuses the one staff user without permissions."""

    def has_permission(self, request, view):
        return request.user.username != "staff of nothing"


@dataclass(frozen=True)
class Row:
    """The expected responses to each user, and the request."""

    owner: str
    stranger: str
    staff: str
    anonymous: str = ANONYMOUS
    nothing: str = NO_RIGHTS
    query: dict[str, str] = field(default_factory=dict)
    body: Any = None
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)

    def expected(self, caller: str) -> str:
        return {"staff of nothing": self.nothing}.get(caller) or str(getattr(self, caller))


NO_BUCKET, NO_FILE, NO_UPLOAD, NO_TOKEN, NO_SHARE = (
    f"404 {kind}_not_found" for kind in ("bucket", "file", "upload", "upload_token", "share")
)
CLOSED, NOT_YOURS, ADMIN = "403 bucket_not_allowed", "403 not_your_file", "403 permission_denied"
FILE = "buckets/<str:bucket_name>/files/<s3_object_key:file_name>"
UPPY = "s3/multipart/<str:upload_id>"
KEY = {"key": "{key}"}
NEW_FILE = {"file_name": "{new_name}"}
BY_ID = {"share": "{share_id}"}
STORED_FILE = {"bucket": "{bucket_name}", "file_name": "{file_name}"}


NOT_THERE = "404 not_found"
NEARLY = {"share": "shares//{share}/"}
NOWHERE = Row(NOT_THERE, NOT_THERE, NOT_THERE, NOT_THERE, NOT_THERE)


def form(**fields: str) -> str:
    parts = [
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    ]
    file = '--b\r\nContent-Disposition: form-data; name="file"; filename="{new_name}"\r\n\r\ncontent\r\n--b--\r\n'
    return "".join(parts) + file


def start(**fields: Any) -> dict[str, Any]:
    return {"bucket": "{bucket_name}", "file_name": "new.txt", "size": 7, **fields}


def uppy_rows(endpoint: str) -> dict[str, Row]:
    """Return the rows of both endpoints of Uppy."""
    in_bucket = {"filename": "new.txt", "metadata": {"bucket": "{closed}"}}
    return {
        f"GET {endpoint}s3/params": Row("200", "200", "200", query={"filename": "new.txt"}),
        f"GET {endpoint}s3/params | a closed bucket": Row(
            CLOSED, CLOSED, "200", query={"filename": "new.txt", "metadata[bucket]": "{closed}"}
        ),
        f"POST {endpoint}s3/multipart": Row("200", "200", "200", body={"filename": "new.txt"}),
        f"POST {endpoint}s3/multipart | a closed bucket": Row(CLOSED, CLOSED, "200", body=in_bucket),
        f"POST {endpoint}s3/complete": Row("200", NO_UPLOAD, "200", query=KEY),
        f"GET {endpoint}{UPPY}": Row("200", NO_UPLOAD, "200", query=KEY),
        f"GET {endpoint}{UPPY} | the key of another upload": Row(
            NO_UPLOAD, NO_UPLOAD, NO_UPLOAD, query={"key": "{key_of_stranger}"}
        ),
        f"DELETE {endpoint}{UPPY}": Row("200", NO_UPLOAD, "200", query=KEY),
        f"DELETE {endpoint}{UPPY} | the key of another upload": Row(
            NO_UPLOAD, NO_UPLOAD, NO_UPLOAD, query={"key": "{key_of_stranger}"}
        ),
        f"GET {endpoint}{UPPY}/batch": Row("200", NO_UPLOAD, "200", query={**KEY, "partNumbers": "1"}),
        f"GET {endpoint}{UPPY}/<str:part_number>": Row("200", NO_UPLOAD, "200", query=KEY),
        f"POST {endpoint}{UPPY}/complete": Row("200", NO_UPLOAD, "200", query=KEY, body={"parts": [{"PartNumber": 1}]}),
        f"POST {endpoint}sign": Row("200", "200", "200", body={"method": "PUT", "key": "new.txt"}),
        f"POST {endpoint}sign | a part": Row(
            *("200", NO_UPLOAD, "200"),
            body={"method": "PUT", "key": "{key}", "uploadId": "{upload_id}", "partNumber": 1},
        ),
        **{
            f"POST {endpoint}sign | {method} of an upload": Row(
                "200", NO_UPLOAD, "200", body={"method": method, "key": "{key}", "uploadId": "{upload_id}"}
            )
            for method in ("GET", "POST", "DELETE")
        },
    }


# The responses are to the owner, another user and staff. By default anonymous requests get 401, powerless staff 403.
ROWS: dict[str, Row] = {
    **{
        f"GET health/{which}": Row("200", "200", "200", anonymous="200", nothing="200")
        for which in ("", "live/", "ready/")
    },
    # --- buckets
    "GET bucket/list/": Row("200", "200", "200"),
    "POST bucket/create/": Row(ADMIN, ADMIN, "201", body={"bucket": "{new_bucket}"}),
    "DELETE owners/<str:owner_id>/buckets/<str:bucket_name>/remove/": Row(ADMIN, ADMIN, "409 bucket_not_empty"),
    "DELETE owners/<str:owner_id>/buckets/<str:bucket_name>/remove/ | empty": Row(
        ADMIN, ADMIN, "204", path={"bucket_name": "{closed}"}
    ),
    "DELETE owners/<str:owner_id>/buckets/<str:bucket_name>/remove/ | of another owner": Row(
        ADMIN, ADMIN, "403 bucket_owner_mismatch", path={"bucket_name": "{closed}", "owner_id": "somebody"}
    ),
    "DELETE owners/<str:owner_id>/buckets/<str:bucket_name>/remove/ | of another account": Row(
        ADMIN, ADMIN, "403 bucket_owner_mismatch", path={"bucket_name": "{closed}", "owner_id": "123456789012"}
    ),
    "GET buckets/<str:bucket_name>/files/": Row("200", "200", "200"),
    "GET buckets/<str:bucket_name>/files/ | closed": Row(CLOSED, CLOSED, "200", path={"bucket_name": "{closed}"}),
    "GET buckets/<str:bucket_name>/files/ | prefixes": Row("200", "200", "200", query={"delimiter": "/"}),
    # --- files
    "POST file/upload/": Row("201", "201", "201", body=form(bucket="{bucket_name}"), kind=FORM),
    "POST file/upload/ | for the owner": Row(
        "201", NOT_YOURS, "201", body=form(bucket="{bucket_name}", user_id="{user_id}"), kind=FORM
    ),
    "POST file/upload/ | to the owner's key": Row(
        *("201", "409 file_exists", "409 file_exists"),
        body=form(bucket="{bucket_name}", file_name="{file_name}", overwrite="true"),
        kind=FORM,
    ),
    "POST file/upload/ | closed": Row(CLOSED, CLOSED, "201", body=form(bucket="{closed}"), kind=FORM),
    "POST file/upload/ | the owner's Idempotency-Key": Row(
        *("422 idempotency_key_reused", "201", "201"),
        body=form(bucket="{bucket_name}"),
        kind=FORM,
        headers={"Idempotency-Key": "of-the-owner"},
    ),
    "GET file/presigned/url/": Row(
        "200", NO_FILE, "200", query={"bucket": "{bucket_name}", "file_name": "{file_name}"}
    ),
    "GET file/presigned/url/ | closed": Row(
        CLOSED, CLOSED, NO_FILE, query={"bucket": "{closed}", "file_name": "{file_name}"}
    ),
    "POST file/presigned/url/": Row(
        "200", NO_FILE, "200", body={"bucket": "{bucket_name}", "file_name": "{file_name}"}
    ),
    f"DELETE users/<str:user_id>/{FILE}/remove/": Row("204", NOT_YOURS, "204"),
    f"DELETE users/<str:user_id>/{FILE}/remove/ | as the stranger's": Row(
        NOT_YOURS, NO_FILE, NO_FILE, path={"user_id": "{stranger_id}"}
    ),
    **{f"GET {FILE}/{ending}": Row("200", NO_FILE, "200") for ending in ("download/", "download")},
    **{
        f"{verb} {FILE}{slash}{special}": row
        for slash in ("/", "")
        for verb, special, row in (
            ("GET", "", Row("302", NO_FILE, "302")),
            ("GET", " | through this server", Row("200", NO_FILE, "200", query={"proxy": "true"})),
            ("GET", " | closed", Row(CLOSED, CLOSED, NO_FILE, path={"bucket_name": "{closed}"})),
            ("DELETE", "", Row("204", NO_FILE, "204")),
            ("PUT", "", Row("201", "201", "201", body="content", kind="text/plain", path=NEW_FILE)),
            (
                "PUT",
                " | closed",
                Row(CLOSED, CLOSED, "201", body="c", kind="text/plain", path={"bucket_name": "{closed}"}),
            ),
            (
                "PUT",
                " | to the owner's key",
                Row(
                    "201",
                    "409 file_exists",
                    "409 file_exists",
                    body="c",
                    kind="text/plain",
                    query={"overwrite": "true"},
                ),
            ),
            (
                "PUT",
                " | the owner's Idempotency-Key",
                Row(
                    *("422 idempotency_key_reused", "201", "201"),
                    body="c",
                    kind="text/plain",
                    path=NEW_FILE,
                    headers={"Idempotency-Key": "of-the-owner"},
                ),
            ),
        )
    },
    # --- a file whose name ends in `/download`
    **{
        f"{verb} {FILE}/download{slash}": row
        for slash in ("/", "")
        for verb, row in (
            ("DELETE", Row(NO_FILE, NO_FILE, NO_FILE)),
            ("PUT", Row("201", "201", "201", body="content", kind="text/plain", path=NEW_FILE)),
        )
    },
    # --- share links
    "POST shares/": Row("201", NO_FILE, "201", body=STORED_FILE),
    "GET shares/": Row("200", "200", "200"),
    "GET shares/ | to a file": Row("200", NO_FILE, "200", query=STORED_FILE),
    **{
        f"{verb} shares/<s3_secret:share>{slash}{special}": row
        for slash in ("/", "")
        for verb, special, row in (
            ("GET", "", Row("302", "302", "302", anonymous="302", nothing="302")),
            ("GET", " | by its id", Row(NO_SHARE, NO_SHARE, NO_SHARE, NO_SHARE, NO_SHARE, path=BY_ID)),
            ("DELETE", "", Row("204", NO_SHARE, "204", path=BY_ID)),
            ("DELETE", " | by its secret", Row(NO_SHARE, NO_SHARE, NO_SHARE)),
        )
    },
    # --- records and direct uploads
    "GET uploads/": Row("200", "200", "200"),
    "GET uploads/ | of the owner": Row("200", NOT_YOURS, "200", query={"user_id": "{user_id}"}),
    "POST uploads/": Row("201", "201", "201", body=start()),
    "POST uploads/ | for the owner": Row("201", NOT_YOURS, "201", body=start(user_id="{user_id}")),
    "POST uploads/ | closed": Row(CLOSED, CLOSED, "201", body=start(bucket="{closed}")),
    "POST uploads/ | the owner's Idempotency-Key": Row(
        *("422 idempotency_key_reused", "201", "201"), body=start(), headers={"Idempotency-Key": "of-the-owner"}
    ),
    "GET uploads/folder/": Row("200", "200", "200", query={"bucket": "{bucket_name}"}),
    "GET uploads/folder/ | closed": Row(CLOSED, CLOSED, "200", query={"bucket": "{closed}"}),
    "GET uploads/folder/ | of the owner": Row(
        "200", NOT_YOURS, "200", query={"bucket": "{bucket_name}", "user_id": "{user_id}"}
    ),
    "GET uploads/usage/": Row("200", "200", "200", query={"bucket": "{bucket_name}"}),
    "GET uploads/usage/ | closed": Row(CLOSED, CLOSED, "200", query={"bucket": "{closed}"}),
    "GET uploads/usage/ | of the owner": Row(
        "200", NOT_YOURS, "200", query={"bucket": "{bucket_name}", "user_id": "{user_id}"}
    ),
    "GET uploads/<str:upload_id>/": Row("200", NO_UPLOAD, "200"),
    "DELETE uploads/<str:upload_id>/": Row("204", NO_UPLOAD, "204"),
    "DELETE uploads/<str:upload_id>/ | stored": Row("204", NO_UPLOAD, "204", path={"upload_id": "{stored_id}"}),
    "GET uploads/<str:upload_id>/parts/": Row("200", NO_UPLOAD, "200"),
    "POST uploads/<str:upload_id>/parts/": Row("200", NO_UPLOAD, "200", body={"part_numbers": [1]}),
    "POST uploads/<str:upload_id>/complete/": Row("200", NO_UPLOAD, "200"),
    # --- Uppy
    "GET uppy/tokens/": Row("200", "200", "200"),
    "POST uppy/tokens/": Row("201", "201", "201", body={}),
    "DELETE uppy/tokens/<str:token_id>/": Row("204", NO_TOKEN, NO_TOKEN),
    "GET uppy/signed/<s3_secret:ticket>": Row("200", NO_UPLOAD, "200"),
    "POST uppy/signed/<s3_secret:ticket>": Row("200", NO_UPLOAD, "200"),
    "DELETE uppy/signed/<s3_secret:ticket>": Row("204", NO_UPLOAD, "204"),
    **uppy_rows("uppy/"),
    **uppy_rows("uppy/token/<s3_secret:token>/"),
    **{
        f"{verb} {route}": Row("404 not_found", "404 not_found", "404 not_found")
        for verb in ("GET", "POST", "PUT", "DELETE")
        for route in (
            "uppy/token/<s3_secret:token>",
            "uppy/token/<s3_secret:token>/<s3_object_key:rest>",
            "uppy/signed/<s3_secret:ticket>/<s3_object_key:rest>",
        )
    },
    **{f"{verb} shares/<s3_secret:share>/<s3_object_key:rest>": NOWHERE for verb in ("GET", "POST", "PUT", "DELETE")},
    **{f"{verb} <s3_nearly_secret:share>": replace(NOWHERE, path=NEARLY) for verb in ("GET", "POST", "PUT", "DELETE")},
}


def listed_buckets() -> str:
    """Return the list of all buckets as XML. botocore parses it slowly, and the store keeps those of other tests."""
    answer = httpx.get(get_client().generate_presigned_url("list_buckets"))
    assert answer.status_code == 200, answer.text
    return answer.text


class World:
    """Ids of the owner's data. A request that may change them gets a new world."""

    def __init__(self, people: dict[str, User], buckets: list[str]) -> None:
        self.people, self.buckets, own, made = people, buckets, people["owner"], uuid4().hex[:12]
        self.stored = stored_file(own, self.buckets[0], f"{made}/file.txt", b"the owner's")
        IdempotencyKey.objects.all().delete()
        IdempotencyKey.objects.write_answered(user=own, key="of-the-owner", upload=self.stored)
        pending, of_stranger = (
            started(person, self.buckets[0], strategy="multipart").upload for person in (own, people["stranger"])
        )
        sent(pending)
        token = upload_token_create(user=own, expires_in_seconds=60)
        share = share_create(user=own, bucket=self.buckets[0], file_name=self.stored.file_name)
        self.values = {
            "owner_id": re.findall(r"<ID>([^<]+)</ID>", listed_buckets())[0],
            "user_id": str(own.pk),
            "stranger_id": str(people["stranger"].pk),
            "bucket_name": self.buckets[0],
            "closed": self.buckets[1],
            "new_name": f"{made}.txt",
            "new_bucket": f"{made}-new",
            "file_name": self.stored.file_name,
            "stored_id": str(self.stored.pk),
            "upload_id": str(pending.pk),
            "key": pending.file_name,
            "key_of_stranger": of_stranger.file_name,
            "part_number": "1",
            "rest": "nothing",
            "token_id": str(token.pk),
            "share": share.secret,
            "share_id": str(share.link.pk),
        }
        self.secrets = {self.stored.etag, pending.multipart_upload_id, token.text, str(token.pk), str(self.stored.pk)}
        self.secrets |= {share.secret, str(share.link.pk)}

    def values_for(self, caller: str, method: str) -> dict[str, str]:
        """Return the owner's ids, and the secret in a URL that authenticates the user."""
        person = self.people.get(caller)
        if person is None:
            return {**self.values, "token": "forged", "ticket": "forged"}
        ticket = Ticket(str(person.pk), method, self.values["upload_id"])
        token = upload_token_create(user=person, expires_in_seconds=60).text
        return {**self.values, "token": token, "ticket": ticket.text()}

    def state(self) -> Any:
        """Return every row of the app, and every object and unfinished upload in the buckets."""
        models = apps.get_app_config("s3_file_uploader").get_models()
        rows = {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}
        listed = [get_client().list_objects_v2(Bucket=name).get("Contents", ()) for name in self.buckets]
        objects = [[(entry["Key"], entry["ETag"], entry["LastModified"]) for entry in each] for each in listed]
        unfinished = [len(get_client().list_multipart_uploads(Bucket=name).get("Uploads", ())) for name in self.buckets]
        return rows, objects, unfinished, set(re.findall(r"<Name>([^<]+)</Name>", listed_buckets()))


@pytest.fixture
def people(db, settings) -> dict[str, User]:
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["*-open", "*-new"]
    denying = f"{__name__}.NotStaff"
    settings.S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES = [denying]
    settings.S3_FILE_UPLOADER_BUCKET_PERMISSION_CLASSES = ["rest_framework.permissions.IsAdminUser", denying]
    return {
        name: User.objects.create_user(name, is_staff=name.startswith("staff"))
        for name in CALLERS
        if name != "anonymous"
    }


@pytest.fixture
def new_world(people, settings):
    """Make worlds in the same two buckets. Every user may use one of them."""
    buckets = [f"{uuid4().hex[:12]}-{kind}" for kind in ("open", "closed")]
    settings.S3_FILE_UPLOADER_UPPY_BUCKET = buckets[0]
    for bucket in buckets:
        get_client().create_bucket(Bucket=bucket)
    return partial(World, people, buckets)


def filled(what: Any, values: dict[str, str]) -> Any:
    """Fill in the values that a text names."""
    match what:
        case str():
            return re.sub(r"\{(\w+)\}", lambda name: values[name[1]], what)
        case dict():
            return {name: filled(value, values) for name, value in what.items()}
        case list():
            return [filled(value, values) for value in what]
    return what


def address(route: str, values: dict[str, str]) -> str:
    """Fill in the pattern of a route."""
    return SERVICE + re.sub(r"<\w+:(\w+)>", lambda name: values[name[1]], route)


def answer_to(world: World, caller: str, method: str, route: str, row: Row) -> Any:
    """Send the request of a row as one kind of user."""
    values = world.values_for(caller, method)
    # In a URL that authenticates, the owner's own Authorization header must have no effect.
    person = world.people["owner"] if "uppy/" in route and "<s3_secret:" in route else world.people.get(caller)
    header = {"Authorization": token_of(person)} if person else {}
    body = filled(row.body, values)
    return Client(raise_request_exception=False).generic(
        method,
        address(route, {**values, **filled(row.path, values)}),
        body if isinstance(body, str) else json.dumps(body) if body is not None else "",
        row.kind,
        query_params=filled(row.query, values),
        headers={**header, **row.headers},
    )


def describe(answer: Any) -> str:
    """Return the status, and the code of a refusal."""
    return f"{answer.status_code} {answer.json()['code']}" if answer.status_code >= 400 else f"{answer.status_code}"


def body_of(answer: Any) -> str:
    content: bytes = answer.getvalue() if answer.streaming else answer.content
    return content.decode()


# --- the tests -------------------------------------------------------------------------------------------------------


def routes(patterns: Any = None, before: str = "") -> dict[str, set[str]]:
    """Return the methods of every route of the app, found from the root of the host's URLs."""
    methods: dict[str, set[str]] = {}
    each: Any
    for each in get_resolver().url_patterns if patterns is None else patterns:
        whole = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            methods |= routes(each.url_patterns, whole)
        elif f"/{whole}".startswith(SERVICE):
            methods[f"/{whole}".removeprefix(SERVICE)] = set(each.callback.actions) - {"head"}
    return methods


ROUTES = routes()


def test_every_route_has_a_row():
    routed = {f"{method.upper()} {route}" for route, methods in ROUTES.items() for method in methods}
    assert {name.partition(" | ")[0] for name in ROWS} == routed


@pytest.mark.parametrize("name", ROWS)
def test_route_for_each_user_returns_the_expected_response(new_world, name):
    row = ROWS[name]
    method, route = name.partition(" | ")[0].split(" ", 1)
    world, made = new_world(), {}
    refused = [caller for caller in CALLERS if row.expected(caller) >= "400"]
    before = without_tokens(world.state()) if refused else None
    for caller in refused:
        made[caller] = answered(world, caller, method, route, row)
    assert not refused or without_tokens(world.state()) == before
    for number, caller in enumerate(sorted({*CALLERS} - {*refused})):
        if number and method != "GET":
            world = new_world()
        made[caller] = answered(world, caller, method, route, row)
    assert made == {caller: row.expected(caller) for caller in CALLERS}


def answered(world: World, caller: str, method: str, route: str, row: Row) -> str:
    """Send the request, and assert that only the owner and staff learn something about the owner's data."""
    answer = answer_to(world, caller, method, route, row)
    if caller not in ("owner", "staff"):
        path = answer.wsgi_request.get_full_path()
        assert not [secret for secret in world.secrets if secret in body_of(answer) and secret not in path]
    return describe(answer)


def without_tokens(state: Any) -> Any:
    """Leave out the tokens, because each user gets one to authenticate with."""
    rows, *rest = state
    return [{name: values for name, values in rows.items() if name != "UploadToken"}, *rest]


def test_other_methods_are_refused_without_effect(new_world):
    world, plain, nearly = new_world(), Row("", "", ""), Row("", "", "", path=NEARLY)
    before = without_tokens(world.state())
    for (route, methods), method in product(ROUTES.items(), METHODS):
        row = nearly if "nearly" in route else plain
        if method not in methods:
            expected_refusal = "405 method_not_allowed" if "ticket" not in route else ANONYMOUS
            assert describe(answer_to(world, "owner", method.upper(), route, row)) in (
                expected_refusal,
                "405 method_not_allowed",
            ), route
            refused = "405 method_not_allowed" if route.startswith("health/") else ANONYMOUS
            assert describe(answer_to(world, "anonymous", method.upper(), route, row)) == refused, route
    assert without_tokens(world.state()) == before
