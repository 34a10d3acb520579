"""Part URLs as JSON: whichever way they are written, the client gets what DRF would have written."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.http import HttpResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from s3_file_uploader.api.responses.part_urls import answer_part_urls
from s3_file_uploader.api.serializers import SignedPartsSerializer
from s3_file_uploader.values import Part, SignedParts
from tests.conftest import client_of
from tests.unit.services.conftest import started

JSON = "application/json"
URL = "http://127.0.0.1:9000/bucket/%C3%A9/a%22b?uploadId=a%2Fb&partNumber=1&X-Amz-Signature=0f"
SIGNED_UNTIL = datetime(2026, 11, 28, 12, tzinfo=UTC)


class OfTheHost(JSONRenderer):
    """Whatever the host does with it."""


class Spaced(JSONRenderer):
    compact = False


def signed(url=URL, *, size=5):
    offset = None if size is None else 0
    return SignedParts((Part(1, url, offset, size), Part(2, url, offset, size)), SIGNED_UNTIL)


def answer_of(parts, renderer=JSONRenderer, media_type=JSON):
    return answer_part_urls(SimpleNamespace(accepted_renderer=renderer(), accepted_media_type=media_type), parts)


def test_answer_part_urls_equals_json_of_drf():
    answer = answer_of(signed())
    assert type(answer) is HttpResponse
    assert answer.content == JSONRenderer().render(SignedPartsSerializer(signed()).data, JSON)
    assert (answer.status_code, answer["Content-Type"]) == (200, JSON)


@pytest.mark.parametrize(
    "parts",
    [SignedParts((), SIGNED_UNTIL), signed(size=None), *map(signed, ('http://a"b', "http://a\\b", "http://\u00e9/"))],
    ids=["none", "no-size", "quote", "backslash", "not-ascii"],
)
def test_answer_part_urls_with_escapes_is_rendered_by_drf(parts):
    answer = answer_of(parts)
    assert type(answer) is Response
    assert answer.data == SignedPartsSerializer(parts).data


@pytest.mark.parametrize(
    ("renderer", "media_type"), [(OfTheHost, JSON), (Spaced, JSON), (JSONRenderer, "application/json; indent=4")]
)
def test_answer_part_urls_other_renderer_is_used(renderer, media_type):
    assert type(answer_of(signed(), renderer, media_type)) is Response


@pytest.mark.django_db
@pytest.mark.parametrize("accept", ["*/*", JSON, "application/json; indent=4"])
def test_answer_part_urls_over_http_is_json(bucket, user, accept):
    upload = started(user, bucket, size=20 * 2**20).upload
    address = f"/modules/s3-file-uploader/service/uploads/{upload.pk}/parts/"
    answer = client_of(user).post(address, {"first": 1, "last": 3}, format="json", headers={"Accept": accept})
    parts = answer.json()["parts"]
    assert (answer.status_code, answer["Content-Type"].partition(";")[0]) == (200, JSON)
    assert [(part["part_number"], part["offset"], part["size"]) for part in parts] == [
        (1, 0, 8 * 2**20),
        (2, 8 * 2**20, 8 * 2**20),
        (3, 16 * 2**20, 4 * 2**20),
    ]
    assert answer["Allow"] == "GET, POST, HEAD, OPTIONS"
