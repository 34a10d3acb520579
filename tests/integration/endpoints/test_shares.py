"""Share links against the embedded S3: the right bytes, and the right count under parallel requests."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from s3_file_uploader.models import AuditEvent, ShareLink
from tests.integration.conftest import SERVICE, client_at

AT_ONCE = 50


@pytest.fixture
def url(http, user, bucket):
    client = http(user)
    assert client.put(f"buckets/{bucket}/files/page.html/", content=b"<p>hello", headers={"Content-Type": "text/html"})
    answer = client.post("shares/", json={"bucket": bucket, "file_name": "page.html", "max_downloads": 10})
    assert answer.status_code == 201, answer.text
    return answer.json()["url"]


def test_share_link_redirects_to_an_attachment(url):
    answer = httpx.get(url, follow_redirects=True)
    assert (answer.status_code, answer.content) == (200, b"<p>hello")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="page.html"'
    looked = httpx.head(url, follow_redirects=True)
    assert (looked.status_code, looked.headers["Content-Length"]) == (200, "8")
    assert ShareLink.objects.get().downloads == 1


def test_share_link_with_parallel_downloads_keeps_its_limit(url, settings):
    settings.S3_FILE_UPLOADER_AUDIT_ROWS = True
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda _: httpx.get(url, timeout=60), range(AT_ONCE)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [302] * 10 + [404] * 40
    assert {answer.json()["code"] for answer in answers if answer.status_code == 404} == {"share_not_found"}
    assert ShareLink.objects.get().downloads == 10
    events = AuditEvent.objects.filter(action="share_follow")
    assert {(event.outcome, event.user_id, event.file_name) for event in events} == {("ok", "", "page.html")}
    assert events.count() == 10


def test_share_link_secret_is_in_no_log(served, bucket, user):
    with client_at(served.url, user) as client:
        client.put(f"buckets/{bucket}/files/a.txt/", content=b"hello")
        url = client.post("shares/", json={"bucket": bucket, "file_name": "a.txt"}).json()["url"]
    secret = url.split("/")[-2]
    assert httpx.get(url).status_code == 302
    assert httpx.get(url.replace(secret, f"{secret}x")).status_code == 404
    assert f"{SERVICE}shares/" in url
    assert secret not in served.log
