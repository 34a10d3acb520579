"""Use every feature with marked secrets at log level DEBUG, in success and failure: no secret leaks."""

import uuid
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from io import BytesIO
from urllib.parse import urlsplit

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.urls import reverse
from rest_framework.authtoken.models import Token

from s3_file_uploader.embedded import EmbeddedS3
from s3_file_uploader.embedded.identity import read_identity, write_identity
from s3_file_uploader.models import FileUpload
from tests.support.host import python
from tests.support.leaks import IN_A_URL, Leaks
from tests.support.moto_server import MotoServer
from tests.support.served import Served, database_url

ACCESS_KEY, SECRET_KEY = "testMarkedAccessKey", "testMarkedSecretAccessKey"
SESSION_TOKEN = "test/Marked+Session/Token=="
DJANGO_KEY = "test-marked-django-secret-key-that-is-as-long-as-they-want-it-to-be"
PASSWORD, IDEMPOTENCY_KEY = "test-marked-password", "test-marked-idempotency-key"
BUCKET, CONTENT = "marked-bucket", b"what everybody may see"
# At its own level debug, gunicorn logs each URL before the app can remove a token from it.
GUNICORN = ("gunicorn", "modules.wsgi:application", "--threads", "4", "--log-level", "info", "--access-logfile", "-")
UVICORN = ("uvicorn", "modules.asgi:application", "--log-level", "debug")
LINES = """
from modules.settings import *
REST_FRAMEWORK["DEFAULT_RENDERER_CLASSES"] += ["rest_framework.renderers.BrowsableAPIRenderer"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
S3_FILE_UPLOADER_FILE_PERMISSION_CLASSES = ["marked.Unlucky"]
S3_FILE_UPLOADER_AUDIT_ROWS = True
S3_FILE_UPLOADER_CONNECT_TIMEOUT_SECONDS = S3_FILE_UPLOADER_MAX_ATTEMPTS = 1
S3_FILE_UPLOADER_UPPY_BUCKET = "marked-bucket"
"""
UNLUCKY = """
import logging
from rest_framework.permissions import BasePermission

class Unlucky(BasePermission):
    def has_permission(self, request, view):
        logging.getLogger("marked").debug("at level debug")
        if request.user.username == "unlucky" and (request.method == "GET" or "/signed/" in request.path):
            raise RuntimeError("a bug of the host")
        return True
"""
SIGNED, TOKEN, TICKET = IN_A_URL, {"upload token"}, {"ticket"}
HTML = {"Accept": "text/html"}


class Place:
    """A service and a store with marked keys, and all their outputs."""

    def __init__(self, folder, store, command, **variables):
        self.name, self.folder, self.store, self.leaks, self.statuses = "", folder, store, Leaks(), Counter()
        (folder / "marked_settings.py").write_text(LINES)
        (folder / "marked.py").write_text(UNLUCKY)
        self.variables = {
            "PYTHONPATH": str(folder),
            "DJANGO_SETTINGS_MODULE": "marked_settings",
            "DJANGO_SECRET_KEY": DJANGO_KEY,
            "DJANGO_LOG_LEVEL": "DEBUG",
            **store.environment(),
            **variables,
        }
        self.stack, self.served = ExitStack(), Served(folder, command, **self.variables)
        known = {"access key": ACCESS_KEY, "secret key": SECRET_KEY, "Django's key": DJANGO_KEY, "password": PASSWORD}
        for name, text in {**known, "session token": SESSION_TOKEN, "Idempotency-Key": IDEMPOTENCY_KEY}.items():
            self.leaks.secret(name, text)

    def ask(self, client, method, path, *, gives=(), **arguments):
        """Return a response, and record all its bytes as output."""
        answer = client.request(method, path, follow_redirects=False, **arguments)
        output = f"{answer.headers}\n{answer.content.decode(errors='replace')}"
        self.leaks.tell(
            f"{method} {path[:60]}: {answer.status_code}", output, gives=gives if answer.status_code < 400 else ()
        )
        self.statuses[answer.status_code] += 1
        return answer

    def command(self, *arguments):
        """Run a management command like an operator."""
        variables = {**self.variables, "DJANGO_LOG_LEVEL": "DEBUG", "DATABASE_URL": database_url()}
        done = python(self.folder, "manage.py", *arguments, **variables)
        assert "Error" not in done.stderr or "CommandError" in done.stderr, done.stderr
        self.leaks.tell(" ".join(arguments), done.stdout + done.stderr)
        return done

    def client(self, person=None, **headers):
        """Return a client of the service for one user. Its Authorization header is a secret, too."""
        if person:
            key = Token.objects.get_or_create(user=person)[0].key
            self.leaks.secret("API token", key)
            headers["Authorization"] = f"Token {key}"
        return self.stack.enter_context(httpx.Client(base_url=self.served.url, headers=headers, timeout=60))

    @property
    def site(self):
        address = urlsplit(self.served.url)
        return f"{address.scheme}://{address.netloc}"


def keys_marked(folder):
    """Give a store its keys before its first start."""
    folder.mkdir()
    write_identity(folder, replace(read_identity(folder), access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY))


@pytest.fixture(params=["gunicorn", "uvicorn, temporary keys", "debug"])
def place(request, transactional_db, tmp_path):
    """The embedded store checks keys and supports no session tokens. moto accepts everything."""
    keys_marked(tmp_path / "s3")
    temporary = "temporary" in request.param
    store = EmbeddedS3(tmp_path / "s3")
    if temporary:
        store = MotoServer(access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY)
    variables = {"AWS_SESSION_TOKEN": SESSION_TOKEN} if temporary else {}
    variables |= {"DJANGO_DEBUG": "true", "DJANGO_LOG_FORMAT": "json"} if request.param == "debug" else {}
    with store:
        place = Place(tmp_path, store, UVICORN if temporary else GUNICORN, **variables)
        with place.served, place.stack:
            place.name = request.param
            yield place


@pytest.fixture
def people(db):
    made = {name: User.objects.create_user(name, password=PASSWORD) for name in ("owner", "stranger", "unlucky")}
    made["staff"] = User.objects.create_superuser("staff", password=PASSWORD)
    return made


# --- all features -----------------------------------------------------------------------------------------------------


def tokens_of_the_host(place):
    client = place.client()
    for password in (PASSWORD, f"{PASSWORD}-not"):
        body = {"username": "owner", "password": password}
        place.ask(client, "POST", f"{place.site}/auth/token/", json=body, gives={"API token"})


def buckets(place, people):
    staff, owner = place.client(people["staff"]), place.client(people["owner"])
    for name in (BUCKET, BUCKET, "No Bucket"):
        place.ask(staff, "POST", "bucket/create/", json={"bucket": name})
    place.ask(owner, "POST", "bucket/create/", json={"bucket": "other-bucket"})
    for client in (staff, owner, place.client()):
        place.ask(client, "GET", "bucket/list/")
    place.ask(staff, "DELETE", f"owners/nobody/buckets/{BUCKET}/remove/")
    place.ask(staff, "DELETE", "owners/nobody/buckets/missing-bucket/remove/")
    place.ask(owner, "GET", "health/")


def files(place, people):
    owner, stranger, anonymous = place.client(people["owner"]), place.client(people["stranger"]), place.client()
    path, key = f"buckets/{BUCKET}/files/a/file.txt/", {"Idempotency-Key": IDEMPOTENCY_KEY}
    for client, headers in ((owner, key), (owner, key), (owner, {}), (stranger, {}), (anonymous, {})):
        place.ask(client, "PUT", path, content=CONTENT, headers=headers)
    place.ask(owner, "PUT", f"{path}2/", content=CONTENT, headers={"X-Checksum-Sha256": "0" * 64})
    place.ask(owner, "PUT", f"buckets/missing/files/{ACCESS_KEY[:4]}/", content=CONTENT)
    for bucket, user_id in ((BUCKET, ""), (BUCKET, people["staff"].pk), ("missing", "")):
        form = {"data": {"bucket": bucket, "user_id": user_id}, "files": {"file": ("form.txt", BytesIO(CONTENT))}}
        place.ask(owner, "POST", "file/upload/", **form)
    place.ask(owner, "POST", "file/upload/", content=b"--", headers={"Content-Type": "multipart/form-data"})
    for client in (owner, stranger, anonymous):
        for method in ("GET", "HEAD"):
            place.ask(client, method, path, gives=SIGNED)
        place.ask(client, "GET", path, params={"proxy": "true"})
        place.ask(client, "GET", f"{path}download/")
        place.ask(client, "DELETE", f"users/{people['owner'].pk}/buckets/{BUCKET}/files/none/remove/")
        place.ask(client, "GET", f"buckets/{BUCKET}/files/")
        for method, how in (("GET", "params"), ("POST", "json")):
            params = {"bucket": BUCKET, "file_name": "a/file.txt"}
            place.ask(client, method, "file/presigned/url/", gives=SIGNED, **{how: params})
            place.ask(client, method, "file/presigned/url/", gives=SIGNED, **{how: {**params, "expiration": "0"}})
    place.ask(owner, "GET", path, params={"proxy": "true"}, headers={"Range": "bytes=900-"})
    place.ask(owner, "POST", path)
    place.ask(owner, "DELETE", f"buckets/{BUCKET}/files/form.txt/")


def direct(place, people):
    owner, stranger, straight = place.client(people["owner"]), place.client(people["stranger"]), place.client()
    for strategy in ("put", "post", "multipart", "nonsense"):
        file = {"bucket": BUCKET, "file_name": "direct.txt", "size": len(CONTENT), "strategy": strategy}
        headers = {"Idempotency-Key": f"{IDEMPOTENCY_KEY}-{strategy}"}
        answer = place.ask(owner, "POST", "uploads/", json=file, headers=headers, gives=SIGNED)
        if not answer.is_success:
            continue
        record, transfer = answer.json(), answer.json()["transfer"]
        here = f"uploads/{record['id']}/"
        place.ask(owner, "POST", f"{here}complete/")
        for client in (owner, stranger):
            place.ask(client, "GET", here)
            place.ask(client, "GET", f"{here}parts/")
            place.ask(client, "POST", f"{here}parts/", json={"missing": True}, gives=SIGNED)
        place.ask(owner, "POST", f"{here}parts/", json={"part_numbers": [0, "x"]})
        assert sent(straight, transfer).status_code < 300
        place.ask(owner, "POST", f"{here}complete/")
        if strategy == "post":
            place.ask(owner, "DELETE", here)
    place.ask(owner, "GET", "uploads/", params={"cursor": "nonsense"})
    place.ask(owner, "GET", "uploads/")


def sent(straight, transfer):
    match transfer["strategy"]:
        case "put":
            return straight.put(transfer["url"], headers=transfer["headers"], content=CONTENT)
        case "post":
            return straight.post(transfer["url"], data=transfer["fields"], files={"file": ("name", CONTENT)})
        case _:
            return straight.put(transfer["parts"][0]["url"], content=CONTENT)


def token_endpoint(place, person):
    answer = place.ask(place.client(person), "POST", "uppy/tokens/", json={}, gives=TOKEN)
    assert answer.status_code == 201
    place.leaks.secret("upload token", answer.json()["token"])
    return answer.json()


def uppy(place, people):
    owner, anonymous = place.client(people["owner"]), place.client()
    token = token_endpoint(place, people["owner"])
    place.ask(owner, "GET", "uppy/tokens/")
    for base in (token["endpoint"], f"{token['endpoint']}x", f"{place.served.url}uppy"):
        client = anonymous if "token" in base else owner
        place.ask(client, "GET", f"{base}/s3/params", params={"filename": "a.txt", "type": "text/plain"}, gives=SIGNED)
        file = {"filename": "a.txt", "type": "text/plain"}
        begun = place.ask(client, "POST", f"{base}/s3/multipart", json=file)
        upload = begun.json() if begun.is_success else {"uploadId": str(uuid.uuid4()), "key": "uploads/none"}
        here, key = f"{base}/s3/multipart/{upload['uploadId']}", {"key": upload["key"]}
        place.ask(client, "GET", here, params=key)
        place.ask(client, "GET", f"{here}/1", params=key, gives=SIGNED)
        place.ask(client, "GET", f"{here}/batch", params={**key, "partNumbers": "1,2"}, gives=SIGNED)
        place.ask(client, "POST", f"{here}/complete", params=key, json={"parts": [{"PartNumber": 1, "ETag": "x"}]})
        place.ask(client, "DELETE", here, params=key)
        for wrong in ("", "/", "/s3", "/s3/params/", "//s3/params", "/s3/multipart/", "/a%0Ab", "/s3/complete?key=x"):
            for method in ("GET", "POST"):
                place.ask(client, method, f"{base}{wrong}")
        place.ask(client, "GET", f"{base}/s3/params", headers=HTML)
        place.ask(client, "POST", f"{base}/s3/multipart", content=b"{", headers={"Content-Type": "application/json"})
        for ticket in tickets(place, client, base):
            ways_of(place, client, ticket)
    place.ask(owner, "DELETE", f"uppy/tokens/{token['id']}/")
    place.ask(anonymous, "GET", f"{token['endpoint']}/s3/params", params={"filename": "a.txt"})


def tickets(place, client, base):
    """Return the requests that start an upload, once for each file."""
    file = {"method": "PUT", "key": "signed.txt", "contentType": "text/plain"}
    place.ask(client, "POST", f"{base}/sign", json=file, gives=SIGNED)
    begins = place.ask(client, "POST", f"{base}/sign", json={"method": "POST", "key": "signed.txt"}, gives=TICKET)
    if begins.is_success:
        place.leaks.secret("ticket", begins.json()["url"].rpartition("/")[2])
        yield begins.json()["url"]


def ways_of(place, client, ticket):
    for method in ("GET", "DELETE", "PATCH", "OPTIONS", "POST"):
        place.ask(client, method, ticket)
        place.ask(client, method, ticket, headers=HTML)
    for wrong in (f"{ticket}/", f"{ticket}/a%0Ab", f"{ticket}x", f"{ticket}?uploads"):
        place.ask(client, "GET", wrong)
        place.ask(client, "POST", wrong)


def bugs(place, people):
    """A user for whom the host's own code fails, with all kinds of authentication, and the error pages."""
    unlucky, anonymous = place.client(people["unlucky"]), place.client()
    endpoint = token_endpoint(place, people["unlucky"])["endpoint"]
    (ticket,) = tickets(place, anonymous, endpoint)
    for client, method, path in (
        (unlucky, "GET", "uploads/"),
        (unlucky, "GET", f"buckets/{BUCKET}/files/a/file.txt/"),
        (unlucky, "GET", "file/presigned/url/?bucket=marked-bucket&file_name=a"),
        (anonymous, "GET", f"{endpoint}/s3/params?filename=a.txt"),
        (anonymous, "GET", f"{endpoint}/s3/multipart/{uuid.uuid4()}/1?key=x"),
        (anonymous, "POST", ticket),
    ):
        for headers in ({}, HTML):
            assert place.ask(client, method, path, headers=headers).status_code == 500


def pages(place, people):
    """The OpenAPI document, the browsable API, and the admin."""
    owner = place.client(people["owner"])
    for path in ("/api/schema/", "/api/docs/", "/nowhere/", "/admin/"):
        place.ask(owner, "GET", f"{place.site}{path}")
    for path in ("bucket/list/", "uploads/", "uppy/tokens/", f"buckets/{BUCKET}/files/", "file/upload/"):
        place.ask(owner, "GET", path, headers=HTML)
        place.ask(owner, "OPTIONS", path)
    session = place.client()
    login = f"{place.site}{reverse('admin:login')}"
    place.ask(session, "GET", login)
    for password in (f"{PASSWORD}-not", PASSWORD):
        form = {"username": "staff", "password": password, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        answer = place.ask(session, "POST", login, data=form, headers={"Referer": login})
    assert answer.status_code == 302
    for model in ("fileupload", "uploadtoken", "auditevent", "sharelink"):
        listed = reverse(f"admin:s3_file_uploader_{model}_changelist")
        place.ask(session, "GET", f"{place.site}{listed}")
        for pk in shown(model):
            for view in ("change", "delete"):
                place.ask(session, "GET", f"{place.site}{listed}{pk}/{view}/")
    upload = FileUpload.objects.filter(status="stored").first()
    opens = reverse("admin:s3_file_uploader_fileupload_open", args=[upload.pk])
    assert place.ask(session, "GET", f"{place.site}{opens}", gives=SIGNED).status_code == 302


def shown(model):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM s3_file_uploader_{model} LIMIT 3")  # noqa: S608 - one of two names
        return [pk for (pk,) in cursor.fetchall()]


def shares(place, people):
    """Share links give access to a file without a login. They are shown only once."""
    owner, anonymous = place.client(people["owner"]), place.client()
    file = {"bucket": BUCKET, "file_name": "a/file.txt"}
    for body in ({}, {"max_downloads": 1}, {"expires_in": -1}):
        made = place.ask(owner, "POST", "shares/", json={**file, **body}, gives={"share link"})
        if not made.is_success:
            continue
        url = made.json()["url"]
        place.leaks.secret("share link", url.rstrip("/").rpartition("/")[2])
        for method in ("GET", "GET", "HEAD", "POST", "DELETE", "OPTIONS"):
            for ending in ("", "/", "/a", "/a%0Ab", "?proxy=true"):
                place.ask(anonymous, method, f"{url.rstrip('/')}{ending}", gives=SIGNED)
        place.ask(anonymous, "GET", url, headers=HTML, gives=SIGNED)
        for nearly in ("/shares/", "shares//", "SHARES/", "%73hares//", "%2573hares/"):
            place.ask(anonymous, "GET", url.replace("service/shares/", f"service/{nearly}"))
        place.ask(owner, "DELETE", f"shares/{made.json()['id']}/")
        place.ask(anonymous, "GET", url)
    for path in (f"shares/?bucket={BUCKET}&file_name=a/file.txt", "shares/"):
        place.ask(owner, "GET", path)
        place.ask(owner, "GET", path, headers=HTML)


def commands(place):
    report = place.folder / "report.jsonl"
    report.touch()
    place.command("check", "--deploy")
    place.command("s3_housekeeping", "--compare", BUCKET, "--report", str(report), "--verbosity", "3", "--traceback")
    place.leaks.tell("the report", report.read_text())
    place.command("s3_doctor", BUCKET, "--url", place.site, "--fix", "--traceback", "--verbosity", "3")
    for how in (["--preflight"], ["--set"]):
        place.command("s3_cors", BUCKET, "--origin", "https://app.example.com", *how, "--traceback", "--verbosity", "3")


def without_a_store(place, people):
    owner = place.client(people["owner"])
    here = f"buckets/{BUCKET}/files/"
    place.ask(place.client(people["staff"]), "GET", here)  # Lists of another user's files come from the records.
    for method, path in (("PUT", f"{here}late.txt"), ("GET", f"{here}a/file.txt/?proxy=true")):
        place.ask(owner, method, path)
    place.ask(owner, "GET", "bucket/list/")
    place.ask(owner, "GET", "health/")
    file = {"bucket": BUCKET, "file_name": "late.txt", "size": 9, "strategy": "multipart"}
    place.ask(owner, "POST", "uploads/", json=file)


def at_rest(place):
    """The app's data in the database."""
    tables = [name for name in connection.introspection.table_names() if name.startswith("s3_file_uploader")]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name that the database itself told
            place.leaks.tell(table, repr(cursor.fetchall()))


def nothing_leaks(place):
    place.leaks.tell("the log", place.served.log)
    assert "at level debug" in place.served.log, "This was no test"
    findings = [f"{name} in {where}: {around!r}" for where, name, around in place.leaks.findings()]
    assert not findings, "\n".join(findings)


def test_outputs_of_all_features_contain_no_secret(place, people):
    tokens_of_the_host(place)
    buckets(place, people)
    files(place, people)
    direct(place, people)
    uppy(place, people)
    shares(place, people)
    bugs(place, people)
    pages(place, people)
    if "temporary" in place.name:
        commands(place)
    place.store.__exit__()
    without_a_store(place, people)
    at_rest(place)
    nothing_leaks(place)
    statuses = {200, 201, 204, 302, 400, 401, 403, 404, 405, 409, 416, 500, 503}
    assert place.statuses.keys() >= statuses, f"This was no test: {place.statuses}"
    expected = {"signature", "upload token", "ticket", "share link", "API token"}
    assert place.leaks.secrets.keys() >= expected, f"This was no test: {place.leaks.secrets.keys()}"


def test_refused_keys_are_in_no_output(transactional_db, people, tmp_path):
    keys_marked(tmp_path / "s3")
    with EmbeddedS3(tmp_path / "s3") as store:
        refused = {"AWS_SECRET_ACCESS_KEY": f"{SECRET_KEY}-wrong", "AWS_SESSION_TOKEN": SESSION_TOKEN}
        place = Place(tmp_path, store, GUNICORN, **refused)
        with place.served, place.stack:
            without_a_store(place, people)
        place.command("s3_housekeeping", "--compare", BUCKET, "--verbosity", "3", "--traceback")
        place.command("s3_cors", BUCKET, "--origin", "https://app.example.com", "--preflight", "--traceback")
        place.command("s3_doctor", BUCKET, "--verbosity", "3", "--traceback")
    nothing_leaks(place)
    assert place.statuses[503] >= 3


def test_leaks_finds_each_spelling_of_a_secret():
    leaks = Leaks()
    leaks.secret("password", "test/one")
    output = (
        "test/one",
        "test%2Fone",
        "dGVzdC9vbmU=",
        f"X-Amz-Signature={'0' * 64}",
        f'"x-amz-signature": "{"1" * 64}"',
    )
    for number, text in enumerate((*output, "nothing")):
        leaks.tell(str(number), f"before {text} behind")
    names = ["password"] * 3 + ["signature"] * 2
    assert [(where, name) for where, name, _ in leaks.findings()] == list(zip("01234", names, strict=True))
    given = Leaks()
    given.tell("an answer", output[3], gives=IN_A_URL)
    given.tell("the log", "0" * 64)
    assert [(where, name) for where, name, _ in given.findings()] == [("the log", "signature")]
