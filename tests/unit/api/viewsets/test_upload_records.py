"""Records of uploads: list, usage, one record. `test_uploads.py` tests the direct uploads."""

from urllib.parse import urlsplit

import pytest

from s3_file_uploader.models import FileUpload
from tests.conftest import client_of
from tests.unit.api.viewsets.conftest import PNG, put, upload, url


class TestUploads:
    @pytest.fixture
    def three(self, bucket, user, other):
        for person, name in ((user, "a.txt"), (user, "b.png"), (other, "c.txt")):
            is_png = "png" in name
            put(
                client_of(person),
                bucket,
                name,
                PNG if is_png else b"content",
                content_type="image/png" if is_png else "text/plain",
            )

    def names(self, person, **query):
        answer = client_of(person).get(url("upload-list"), query)
        assert answer.status_code == 200, answer.json()
        return [record["file_name"] for record in answer.json()["results"]]

    def test_list_shows_own_uploads_and_all_to_staff(self, three, user, other, staff):
        assert self.names(user) == ["b.png", "a.txt"]
        assert self.names(other) == ["c.txt"]
        assert self.names(staff) == ["c.txt", "b.png", "a.txt"]
        assert self.names(staff, user_id=user.pk) == ["b.png", "a.txt"]
        refused = client_of(user).get(url("upload-list"), {"user_id": other.pk})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_file")

    def test_list_with_filters_narrows(self, three, bucket, user):
        middle = FileUpload.objects.get(file_name="b.png").created_at.isoformat()
        assert self.names(user, bucket=bucket) == ["b.png", "a.txt"]
        assert self.names(user, bucket="another") == []
        assert self.names(user, status="pending") == []
        assert self.names(user, content_type="image/png") == ["b.png"]
        assert self.names(user, file_name=".t") == ["a.txt"]
        assert self.names(user, created_before=middle) == ["a.txt"]
        assert self.names(user, created_after=middle) == []
        assert self.names(user, page_size=1) == ["b.png"]

    def test_folder_shows_files_and_folders_of_each_user(self, bucket, user, other, staff):
        for person, name in ((user, "photos/a.txt"), (user, "b.txt"), (other, "photos/c.txt")):
            put(client_of(person), bucket, name, b"content", content_type="text/plain")

        def folder(person, **query):
            answer = client_of(person).get(url("folder"), {"bucket": bucket, **query})
            assert answer.status_code == 200, answer.json()
            body = answer.json()
            return [record["path"] for record in body["results"]], body["prefixes"], body["next"]

        assert folder(user) == (["b.txt"], ["photos/"], None)
        assert folder(user, prefix="photos/") == (["photos/a.txt"], [], None)
        assert folder(user, delimiter="") == (["b.txt", "photos/a.txt"], [], None)
        assert folder(staff, prefix="photos/")[0] == ["photos/a.txt", "photos/c.txt"]
        assert folder(staff, prefix="photos/", user_id=other.pk)[0] == ["photos/c.txt"]
        following = folder(user, page_size=1)[2]
        assert client_of(user).get(following).json()["prefixes"] == ["photos/"]
        refused = client_of(user).get(url("folder"), {"bucket": bucket, "user_id": other.pk})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_file")

    def test_usage_shows_bytes_and_limits(self, three, bucket, user, other, staff, settings):
        settings.S3_FILE_UPLOADER_POLICIES = {"*": {"quota_bytes": 100, "content_types": ["image/*"]}}
        limits = {"quota_bytes": 100, "quota_files": None, "max_file_bytes": None, "extensions": None}
        limits |= {"content_types": ["image/*"], "key_prefix": "", "may_overwrite": True}
        for person, query, counted in (
            (user, {}, {"bytes": 7 + len(PNG), "files": 2}),
            (staff, {"user_id": other.pk}, {"bytes": 7, "files": 1}),
            (staff, {}, {"bytes": 0, "files": 0}),
        ):
            answer = client_of(person).get(url("usage"), {"bucket": bucket, **query})
            assert (answer.status_code, answer.json()) == (200, counted | limits)
        refused = client_of(user).get(url("usage"), {"bucket": bucket, "user_id": other.pk})
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_file")

    def test_list_with_foreign_cursor_is_refused(self, user):
        for cursor in ("x", "cD1ub25zZW5zZQ==", "bz0tMQ=="):
            answer = client_of(user).get(url("upload-list"), {"cursor": cursor})
            assert (answer.status_code, list(answer.json()["errors"])) == (400, ["cursor"])

    def test_retrieve_shows_own_record_only(self, three, user, other):
        upload = FileUpload.objects.get(file_name="a.txt")
        address = url("upload", upload_id=upload.pk)
        assert client_of(user).get(address).json()["file_name"] == "a.txt"
        for refused in (
            client_of(other).get(address),
            client_of(other).delete(address),
            client_of(user).get(url("upload", upload_id="no-uuid")),
        ):
            assert (refused.status_code, refused.json()["code"]) == (404, "upload_not_found")
        assert client_of(user).delete(address).status_code == 204
        assert client_of(user).get(address).status_code == 404

    def test_upload_named_like_endpoint_has_url_without_slash(self, bucket, user):
        name = "folder/download"
        record = upload(client_of(user), bucket, file_name=name).json()
        assert record["url"].endswith(f"/{name}")
        answer = client_of(user).get(record["url"])
        assert answer.status_code == 302
        assert urlsplit(answer["Location"]).path.endswith(f"/{name}")
