"""Words, tags and headers of each operation."""

import re

import pytest

from tests.unit.api.openapi.conftest import ROUTES, WITHOUT_A_BODY, values

TAGS = {
    "bucket": "Buckets",
    "object": "Buckets",
    "file": "Files",
    "upload": "Uploads",
    "uppy": "Uppy",
    "share": "Shares",
    "health": "Health",
    "health_live": "Health",
    "health_ready": "Health",
}


@pytest.mark.parametrize("name", ROUTES)
def test_operations_have_tag_summary_and_description(operations, name):
    operation = operations[name]
    assert operation["tags"] == [TAGS[name.split("_")[0]]]
    assert re.fullmatch(r"[A-Z][^.\n]*\.", operation["summary"])
    # Swagger UI keeps line breaks: each paragraph of the docstring is one line.
    assert operation["description"]
    assert not re.search(r"[^\n]\n[^\n]|(Args|Returns|Raises):", operation["description"])


def test_tags_are_described(schema):
    assert {tag["name"] for tag in schema["tags"] if tag["description"]} == {*TAGS.values(), "Authentication"}


@pytest.mark.parametrize("name", ROUTES)
def test_successes_have_words_and_an_example(operations, name):
    for status, answer in operations[name]["responses"].items():
        assert answer["description"]
        if status in WITHOUT_A_BODY:
            assert "content" not in answer
        else:
            is_file = name == "file_get" and status in ("200", "206")
            (media_type,) = answer["content"]
            assert media_type == ("*/*" if is_file else "application/json")
            assert values(answer["content"][media_type])


@pytest.mark.parametrize("name", ROUTES)
def test_response_headers_have_words_and_an_example(operations, name):
    for answer in operations[name]["responses"].values():
        for header, described in answer.get("headers", {}).items():
            assert described["description"]
            assert header == "Retry-After" or values(described)
