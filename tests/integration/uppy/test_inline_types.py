"""Files that claim two content types, opened in a real browser: a browser runs none of them as a page."""

import httpx
import pytest
from django.test import Client

from s3_file_uploader.models import FileUpload
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.objects import head_object

PAGE = "<html><body><script>document.title = 'ran'</script></body></html>"
# The markup lies behind the bytes that the service sniffs, so the service takes the file for an image.
PNG_AND_PAGE = b"\x89PNG\r\n\x1a\n" + b" " * 5000 + PAGE.encode()
TWO_TYPES = [
    "image/png; a=b,text/html",
    'image/png; a="b,text/html"',
    "image/png;,text/html",
    "image/png; charset=utf-8,text/html",
    "image/png; a=b ,application/xhtml+xml",
    "image/png; a=b,multipart/x-mixed-replace",
]


def started(client, bucket, strategy, content_type):
    body = {"bucket": bucket, "file_name": "a.png", "size": len(PNG_AND_PAGE), "content_type": content_type}
    return client.post("uploads/", json={**body, "strategy": strategy}).json()


def sent(client, bucket, way, content_type):
    """Upload the file in one of the ways, and return its record."""
    if way == "raw":
        path = f"buckets/{bucket}/files/a.png/"
        return client.put(path, content=PNG_AND_PAGE, headers={"Content-Type": content_type}).json()
    if way == "form":
        file = ("a.png", PNG_AND_PAGE, content_type)
        return client.post("file/upload/", data={"bucket": bucket}, files={"file": file}).json()
    if way == "uppy form":
        query = {"filename": "a.png", "type": content_type, "metadata[bucket]": bucket}
        form = client.get("uppy/s3/params", params=query).json()
        assert httpx.post(form["url"].rstrip("/"), data=form["fields"], files={"file": PNG_AND_PAGE}).is_success
        return client.post("uppy/s3/complete", params={"key": form["fields"]["key"]}).json()
    upload = started(client, bucket, way, content_type)
    transfer = upload["transfer"]
    match way:
        case "put":
            assert httpx.put(transfer["url"], content=PNG_AND_PAGE, headers=transfer["headers"]).is_success
        case "post":
            assert httpx.post(transfer["url"], data=transfer["fields"], files={"file": PNG_AND_PAGE}).is_success
        case _:
            assert httpx.put(transfer["parts"][0]["url"], content=PNG_AND_PAGE).is_success
    return client.post(f"uploads/{upload['id']}/complete/").json()


@pytest.fixture
def runs(chromium, live_server, user):
    """Return a function that opens a URL as a logged-in user, and returns whether a script in the file ran."""
    session = Client()
    session.force_login(user)
    visitor = chromium.visitor(**{name: cookie.value for name, cookie in session.cookies.items()})

    def runs(url):
        visitor.goto(url)
        return visitor.run("document.title") == "ran" or visitor.run("document.contentType") != "image/png"

    yield runs
    visitor.close()


def ways_out(client, live_server, record):
    """Return the URLs that can show the file, with their content types."""
    place = {"bucket": record["bucket"], "file_name": record["file_name"], "disposition": "inline"}
    own = client.base_url.join(f"buckets/{record['bucket']}/files/{record['file_name']}/?disposition=inline")
    presigned = client.get("file/presigned/url/", params=place).json()["url"]
    urls = [client.get(own).headers["location"], f"{own}&proxy=true", presigned]
    shared = client.post("shares/", json={name: record[name] for name in ("bucket", "file_name")}).json()["url"]
    answers = [httpx.get(urls[0]), client.get(urls[1]), httpx.get(urls[2]), httpx.get(shared, follow_redirects=True)]
    return urls, [answer.headers["content-type"] for answer in answers]


def test_browser_runs_a_page(live_server, bucket, runs):
    get_client().put_object(Bucket=bucket, Key="a", Body=PNG_AND_PAGE, ContentType="image/png; a=b,text/html")
    assert runs(get_client().generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a"}))


@pytest.mark.parametrize("way", ["raw", "form", "put", "post", "multipart", "uppy form"])
def test_upload_of_two_types_is_stored_as_the_first(http, user, bucket, live_server, runs, way):
    client = http(user)
    record = sent(client, bucket, way, TWO_TYPES[0])
    assert record["content_type"] == "image/png"
    assert head_object(bucket=bucket, key=record["file_name"]).content_type == "image/png"
    urls, content_types = ways_out(client, live_server, record)
    assert set(content_types) == {"image/png"}
    assert [runs(url) for url in urls] == [False, False, False]


@pytest.mark.parametrize("two_types", TWO_TYPES)
def test_existing_record_of_two_types_is_never_run(http, user, bucket, live_server, runs, two_types):
    client = http(user)
    record = sent(client, bucket, "raw", "image/png")
    place = {"Bucket": bucket, "Key": record["file_name"]}
    get_client().put_object(**place, Body=PNG_AND_PAGE, ContentType=two_types)
    etag = head_object(bucket=bucket, key=record["file_name"]).etag
    FileUpload.objects.filter(pk=record["id"]).update(content_type=two_types, etag=etag)
    urls, content_types = ways_out(client, live_server, record)
    assert set(content_types) == {"image/png"}
    assert [runs(url) for url in urls] == [False, False, False]


@pytest.mark.parametrize("other", ["text/html", "image/png, text/html", "image/png; a=b,text/html"])
def test_direct_upload_with_another_type_is_not_stored(http, user, bucket, other):
    client = http(user)
    upload = started(client, bucket, "put", "image/png; a=b,text/html")
    transfer = upload["transfer"]
    assert transfer["headers"]["Content-Type"] == "image/png"
    single = httpx.put(transfer["url"], content=PNG_AND_PAGE, headers={"Content-Type": other})
    twice = [("Content-Type", "image/png"), ("Content-Type", other)]
    double = httpx.put(transfer["url"], content=PNG_AND_PAGE, headers=twice)
    assert (single.status_code, double.status_code) == (403, 403)


def test_form_with_a_second_content_type_is_not_stored_as_it(http, user, bucket):
    client = http(user)
    upload = started(client, bucket, "post", "image/png")
    fields = upload["transfer"]["fields"]
    for types in (["image/png", "text/html"], ["text/html", "image/png"]):
        httpx.post(upload["transfer"]["url"], data={**fields, "Content-Type": types}, files={"file": PNG_AND_PAGE})
        answer = client.post(f"uploads/{upload['id']}/complete/")
        if answer.is_success:
            assert head_object(bucket=bucket, key=answer.json()["file_name"]).content_type == "image/png"
