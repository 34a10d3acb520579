import re

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from gunicorn.http.errors import InvalidChunkSize
from rest_framework import exceptions as drf

from s3_file_uploader import exceptions as own
from s3_file_uploader.api.errors import DATABASE_UNAVAILABLE, ERRORS_A_FIELD, STATUS_AND_CODE, translate_error
from tests.support.host import ROOT

ERRORS = ROOT / "docs" / "reference" / "errors.md"


def find_leaves(kind):
    below = [each for each in kind.__subclasses__() if each.__module__ == own.__name__]
    return {kind} if not below else set().union(*map(find_leaves, below))


LEAVES = sorted(find_leaves(own.S3FileUploaderError), key=lambda kind: kind.__name__)


def make_error(kind):
    return kind("field", "why") if kind is own.InvalidField else kind("why")


@pytest.mark.parametrize("kind", LEAVES)
def test_translate_gives_each_error_a_status_and_code(kind):
    error = translate_error(make_error(kind))
    status, code = next(row[1:] for row in STATUS_AND_CODE if issubclass(kind, row[0]))
    assert isinstance(error, drf.APIException)
    assert error.status_code == status
    assert error.detail["code"] == code
    assert error.detail["detail"] == "why"


def test_tree_of_errors_draws_every_class():
    drawn = set(re.findall(r"[├└]── (\w+)", own.__doc__))
    inner = {kind for leaf in LEAVES for kind in leaf.__mro__ if issubclass(kind, own.S3FileUploaderError)}
    assert drawn == {kind.__name__ for kind in inner} - {"S3FileUploaderError"}


def test_page_of_errors_lists_each_code():
    listed = set(re.findall(r"^\| (\d{3}) \| `(\w+)` \|", ERRORS.read_text(), re.MULTILINE))
    rows = {(str(status), code) for _, status, code in STATUS_AND_CODE} | {
        (str(DATABASE_UNAVAILABLE[0]), DATABASE_UNAVAILABLE[1]),
        ("401", "not_authenticated"),
        ("403", "permission_denied"),
        ("405", "method_not_allowed"),
        ("406", "not_acceptable"),
        ("415", "unsupported_media_type"),
        ("429", "throttled"),
    }
    assert listed == rows


def test_translate_names_the_invalid_field():
    error = translate_error(own.InvalidField("region", "Name another."))
    assert error.detail == {
        "code": "invalid",
        "detail": "Name another.",
        "errors": {"region": [{"code": "invalid", "detail": "Name another."}]},
    }


@pytest.mark.parametrize("kind", [own.StorageUnavailable])
def test_translate_unavailable_sets_retry_after(kind, settings):
    settings.S3_FILE_UPLOADER_RETRY_AFTER_SECONDS = 7
    assert translate_error(kind("why")).wait == 7
    assert not hasattr(translate_error(own.StorageTimeout("why")), "wait")


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (OperationalError("secret dsn"), 503, "database_unavailable"),
        (InterfaceError("secret dsn"), 503, "database_unavailable"),
        (RecursionError("secret depth"), 400, "invalid"),
        (Http404("secret path"), 404, "not_found"),
        (PermissionDenied("secret rule"), 403, "permission_denied"),
        (SuspiciousOperation("secret header"), 400, "invalid"),
        (UnreadablePostError("secret socket"), 400, "invalid"),
        (InvalidChunkSize(b"secret"), 400, "invalid"),
        (drf.NotAuthenticated(), 401, "not_authenticated"),
        (drf.AuthenticationFailed(), 401, "not_authenticated"),
        (drf.PermissionDenied(), 403, "permission_denied"),
        (drf.ParseError(), 400, "invalid"),
        (drf.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (drf.UnsupportedMediaType("x/y"), 415, "unsupported_media_type"),
        (drf.Throttled(wait=3), 429, "throttled"),
    ],
)
def test_translate_of_foreign_errors_has_the_same_shape(raised, status, code):
    error = translate_error(raised)
    assert error.status_code == status
    assert set(error.detail) == {"code", "detail"}
    assert error.detail["code"] == code
    assert "secret" not in error.detail["detail"]


def test_translate_flattens_validation_errors():
    raised = drf.ValidationError({"a": ["one", "two"], "b": {"c": [drf.ErrorDetail("deep", code="odd")]}})
    assert translate_error(raised).detail == {
        "code": "invalid",
        "detail": "a: one",
        "errors": {
            "a": [{"code": "invalid", "detail": "one"}, {"code": "invalid", "detail": "two"}],
            "b": [{"code": "odd", "detail": "deep"}],
        },
    }


def test_translate_of_a_validation_error_without_field():
    assert translate_error(drf.ValidationError("no")).detail["errors"] == {
        "non_field_errors": [{"code": "invalid", "detail": "no"}]
    }


def test_get_codes_returns_the_codes():
    assert translate_error(own.FileNotFound("why")).get_codes() == {
        "code": "file_not_found",
        "detail": "file_not_found",
    }
    assert translate_error(drf.NotFound()).get_codes() == {"code": "not_found", "detail": "not_found"}


def test_translate_replaces_lone_surrogates():
    detail = translate_error(drf.ValidationError({"a": ["\ud800 is not a choice"]})).detail
    assert detail["errors"]["a"][0]["detail"] == "? is not a choice"


def test_translate_adds_the_limit_of_the_policy():
    error = translate_error(own.FileTooLarge("why", {"max_file_bytes": 7}))
    assert error.detail == {"code": "file_too_large", "detail": "why", "limit": {"max_file_bytes": 7}}
    assert error.get_codes() == {"code": "file_too_large", "detail": "file_too_large"}
    assert set(error.get_full_details()) == {"code", "detail"}


def test_translate_of_a_bug_returns_it():
    bug = KeyError("x")
    assert translate_error(bug) is bug


def test_translate_of_many_errors_lists_only_the_first():
    error = translate_error(drf.ValidationError({"parts": [["Give a number."]] * 1000, "key": ["Give one."]}))
    assert [len(details) for details in error.detail["errors"].values()] == [ERRORS_A_FIELD, 1]
