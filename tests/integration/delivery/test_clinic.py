"""The example project, started as its README says: sign in, upload, replace, delete; S3 and the records agree."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import boto3
import httpx
import pytest

from s3_file_uploader.embedded import EmbeddedS3, free_port
from tests.support.documents import blocks_in, blocks_of
from tests.support.host import ROOT, environment, serving

CLINIC = ROOT / "examples" / "clinic"
TUTORIAL = "docs/tutorials/attach-uploads-clinic.md"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
SERVICE = "/modules/s3-file-uploader/service/"


def test_blocks_of_the_tutorial_are_those_of_the_example():
    """The other test runs the example, so it runs these blocks."""
    blocks = [block for block in blocks_in(TUTORIAL) if block.note.endswith("those_of_the_example")]
    for block in blocks:
        first, _, rest = block.code.partition("\n")
        path = re.fullmatch(r"(?:# |\{# )(\S+)(?: #\})?", first)[1]
        assert rest.strip("\n") in (CLINIC / path).read_text(), path
    assert len(blocks) > 8


def test_readme_of_the_example_is_short():
    text = (CLINIC / "README.md").read_text()
    assert len(text.splitlines()) <= 40
    for path in re.findall(r"`((?:\w+/)+\w+\.py)`", text):
        assert (CLINIC / path).is_file()


class Clinic:
    """The pages of the running project, as a browser without JavaScript uses them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.http = httpx.Client(base_url=url, follow_redirects=True, timeout=30)
        self._folder = folder
        self._store = EmbeddedS3(folder / "s3")

    def send(self, path: str, files=None, **fields):
        """Load a page and send its form with the hidden inputs, or with those that the caller changes."""
        page = self.http.get(path).text
        inputs = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", page)]
        hidden = {tag["name"]: tag["value"] for tag in inputs if tag.get("type") == "hidden" and "value" in tag}
        answer = self.http.post(path, data={**hidden, **fields}, files=files)
        assert answer.status_code == 200, answer.text
        return answer.text

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self._folder / "clinic.sqlite3")) as database:
            return database.execute(sql).fetchall()

    def objects(self) -> dict[str, bytes]:
        """Return the content of each object in both buckets."""
        named = self._store.environment()
        client = boto3.client(
            "s3",
            endpoint_url=named["AWS_S3_ENDPOINT_URL"],
            aws_access_key_id=named["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=named["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        with closing(client):
            return {
                entry["Key"].rpartition("/")[2]: client.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
                for bucket in ("clinic-uploads", "clinic-letters")
                for entry in client.list_objects_v2(Bucket=bucket).get("Contents", ())
            }


@pytest.fixture
def clinic(tmp_path):
    """Run the two commands of the README, on a free port."""
    migrate, serve = blocks_of(TUTORIAL, "console", "test_example_runs_by_its_two_commands")[0].splitlines()
    assert f"{migrate}\n{serve}\n" in (CLINIC / "README.md").read_text()
    port, bin_folder = free_port(), str(Path(sys.executable).parent)
    variables = environment(tmp_path, PYTHONPATH=str(ROOT), CLINIC_DATA=str(tmp_path), PYTHONDONTWRITEBYTECODE="1")
    variables |= {"PATH": f"{bin_folder}:{variables['PATH']}"}
    subprocess.run(["bash", "-euc", migrate], cwd=CLINIC, env=variables, check=True, capture_output=True, timeout=60)
    with serving(f"{serve} --noreload {port}", port, cwd=CLINIC, env=variables):
        opened = Clinic(f"http://127.0.0.1:{port}", tmp_path)
        with opened.http:
            yield opened


def test_example_runs_by_its_two_commands(clinic):
    home = clinic.send("/sign-in/", username="doctor", password="demo-password")
    assert "No report yet" in home

    # A picture, through the server, because no JavaScript sends it; then another in its place; then a wrong one.
    clinic.send("/profile/", {"avatar": ("one.png", PNG + b"1", "image/png")}, speciality="Radiology")
    home = clinic.send("/profile/", {"avatar": ("two.png", PNG + b"2", "image/png")}, speciality="Radiology")
    assert clinic.objects() == {"two.png": PNG + b"2"}
    picture = re.search(r'<img class="avatar" src="([^"]+)"', home)[1].replace("&amp;", "&")
    assert httpx.get(picture).content == PNG + b"2"
    page = clinic.send("/profile/", {"avatar": ("page.html", b"<html>", "text/html")})
    assert 'class="errorlist"' in page

    # A report with two files; the API attaches a third, and no other.
    files = [("attachments", ("a.txt", b"first", "text/plain")), ("attachments", ("b.txt", b"second", "text/plain"))]
    home = clinic.send("/reports/new/", files, patient="Johanna Weiss", findings="No fracture.")
    assert [*re.findall(r">([ab]\.txt)<", home)] == ["a.txt", "b.txt"]
    headers = {"X-CSRFToken": clinic.http.cookies["csrftoken"], "Referer": str(clinic.http.base_url)}
    sent = clinic.http.put(f"{SERVICE}buckets/clinic-uploads/files/c.txt/", content=b"third", headers=headers).json()
    (report,) = clinic.http.get("/api/reports/").json()
    ids = [*(file["id"] for file in report["attachments"]), sent["id"]]
    changed = clinic.http.patch(f"/api/reports/{report['id']}/", json={"attachments": ids}, headers=headers).json()
    assert [httpx.get(file["url"]).content for file in changed["attachments"]] == [b"first", b"second", b"third"]
    assert clinic.http.delete(f"{SERVICE}uploads/{sent['id']}/", headers=headers).json()["code"] == "file_in_use"

    # A letter of an app that has plain file fields.
    home = clinic.send("/letters/new/", {"scan": ("referral.pdf", b"%PDF-1.7", "application/pdf")}, subject="Referral")
    letter = re.search(r'<a href="([^"]+)">Referral</a>', home)[1].replace("&amp;", "&")
    assert httpx.get(letter).content == b"%PDF-1.7"
    refused = {"scan": ("a.pdf", b"<html>", "application/pdf")}
    answer = clinic.http.post(
        "/letters/new/", data={"subject": "x", "csrfmiddlewaretoken": headers["X-CSRFToken"]}, files=refused
    )
    assert (answer.status_code, "was declared" in answer.text) == (400, True)

    owned = "SELECT user_id, status, path FROM s3_file_uploader_fileupload WHERE bucket = 'clinic-letters'"
    ((user, status, path),) = clinic.rows(owned)
    assert (user, status, re.sub(r"\d{4}", "year", path)) == (1, "stored", "files/letters/year/referral.pdf")

    # The report goes, and its files with it; the file that the form refused expires, as nothing attached it.
    clinic.send(f"/reports/{report['id']}/delete/")
    assert set(clinic.objects()) == {"two.png", "referral.pdf", "page.html"}
    unattached = "SELECT original_name FROM s3_file_uploader_fileupload WHERE attached_at IS NULL"
    assert clinic.rows(unattached) == [("page.html",)]
    listed = clinic.http.get("/admin/s3_file_uploader/fileupload/").text
    assert ("referral.pdf" in listed, "a.txt" in listed) == (True, False)
