"""Errors of each operation: every code, and responses as shown."""

from urllib.parse import urlencode

import pytest

from s3_file_uploader.api.errors import RETRIED, STATUS_AND_CODE
from tests.conftest import client_of
from tests.unit.api.openapi.conftest import ROUTES, STATUSES, WITH_A_BODY, address_of, error_body, errors_by_status

ANY = {"method_not_allowed", "not_acceptable", "throttled"}
STORAGE = {
    *("storage_access_denied", "storage_error", "storage_not_configured", "storage_unavailable", "storage_timeout")
}
CALLER = {*ANY, *STORAGE, "not_authenticated", "permission_denied", "database_unavailable"}
BODY = {"invalid", "unsupported_media_type", "request_too_slow"}
FILE = {*CALLER, "invalid_bucket_name", "invalid_file_name", "bucket_not_allowed", "file_not_found"}
PRESIGN = {*FILE, "invalid", "bucket_not_found", "quarantined"}
POLICY = {"file_too_large", "content_type_not_allowed", "quota_exceeded"}
UPLOAD = {
    *(
        *FILE,
        *BODY,
        "checksum_mismatch",
        "content_type_mismatch",
        "size_mismatch",
        "length_required",
        "bucket_not_found",
        "file_exists",
        "file_in_use",
    ),
    *("idempotency_key_reused", "upload_in_progress", "file_rejected", *POLICY),
}
PARTS = {
    *CALLER,
    "bucket_not_found",
    "upload_not_found",
    "upload_in_progress",
    "upload_not_pending",
    "file_too_large",
    "quota_exceeded",
}
COMPLETION = {
    *(*PARTS, "parts_missing", "size_mismatch", "content_type_mismatch", "checksum_mismatch", "file_exists"),
    "file_rejected",
    *POLICY,
}
UPPY_START = {
    *(*CALLER, "invalid", "invalid_bucket_name", "invalid_file_name", "bucket_not_allowed", "bucket_not_found"),
    *("upload_not_pending", "content_type_not_allowed", "quota_exceeded"),
}
UPPY_PARTS = {
    *CALLER,
    "invalid",
    "bucket_not_found",
    "upload_not_found",
    "upload_not_pending",
    "file_too_large",
    "quota_exceeded",
}
CODES = {
    "bucket_list": CALLER,
    "bucket_create": {*CALLER, *BODY, "invalid_bucket_name", "bucket_exists", "bucket_not_found"},
    "bucket_remove": {
        *(*CALLER, "invalid_bucket_name", "bucket_owner_mismatch", "bucket_not_found", "bucket_not_empty")
    },
    "file_upload": {*UPLOAD, "not_your_file"},
    "file_download": {*FILE, "bucket_not_found", "file_exists", "quarantined", "download_folder_full"},
    "file_delete": {*FILE, "invalid", "not_your_file", "file_exists", "file_in_use"},
    "file_presign_query": PRESIGN,
    "file_presign_body": {*PRESIGN, *BODY},
    "file_put": UPLOAD,
    "file_get": {*PRESIGN, "range_not_satisfiable", "precondition_failed"} - {"not_acceptable"},
    "file_remove": {*FILE, "not_your_file", "file_exists", "file_in_use"},
    "object_list": {*CALLER, "invalid", "invalid_bucket_name", "bucket_not_allowed", "bucket_not_found"},
    "upload_folder": {
        *(*CALLER, "invalid", "invalid_bucket_name", "not_your_file", "bucket_not_allowed", "bucket_not_found"),
    },
    "upload_list": {*CALLER, "invalid", "not_your_file"} - STORAGE,
    "upload_start": {
        *(*CALLER, *BODY, "invalid_bucket_name", "invalid_file_name", "not_your_file", "bucket_not_allowed"),
        *("bucket_not_found", "idempotency_key_reused", "upload_not_pending", *POLICY),
    },
    "upload_usage": {*CALLER, "invalid", "invalid_bucket_name", "not_your_file", "bucket_not_allowed"} - STORAGE,
    "upload_get": {*CALLER, "upload_not_found"} - STORAGE,
    "upload_parts": PARTS,
    "upload_parts_sign": {*PARTS, *BODY},
    "upload_complete": COMPLETION,
    "upload_delete": {*CALLER, "not_your_file", "upload_not_found", "file_exists", "file_in_use"},
    "uppy_params": UPPY_START,
    "uppy_create": {*UPPY_START, *BODY},
    "uppy_sign_part": UPPY_PARTS,
    "uppy_sign_parts": UPPY_PARTS,
    "uppy_parts": PARTS,
    "uppy_complete": {*COMPLETION, *BODY},
    "uppy_abort": {*CALLER, "upload_not_found", "upload_not_pending"},
    "uppy_arrived": COMPLETION,
    "uppy_sign": {*UPPY_START, *BODY, "upload_not_found", "file_too_large"},
    "uppy_token_create": {*CALLER, *BODY} - STORAGE,
    "uppy_token_list": {*CALLER, "invalid"} - STORAGE,
    "uppy_token_revoke": {*CALLER, "upload_token_not_found"} - STORAGE,
    "share_create": {*FILE, *BODY, "not_your_file", "quarantined"} - STORAGE,
    "share_list": {*FILE, "invalid", "not_your_file", "quarantined"} - STORAGE,
    "share_follow": {
        *(*STORAGE, "method_not_allowed", "throttled", "database_unavailable", "share_not_found", "bucket_not_found")
    },
    "share_revoke": {*CALLER, "share_not_found"} - STORAGE,
    "health": ANY,
    "health_live": ANY,
    "health_ready": ANY,
}
# These explain an error to developers. Messages say what to do next.
DOCSTRINGS = {kind.__doc__ for kind, _, _ in STATUS_AND_CODE}
OF_CALLERS = sorted(ROUTES.keys() - {"health", "health_live", "health_ready", "share_follow"})


# --- each operation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ROUTES)
def test_errors_name_every_code_and_show_one_per_status(operations, name):
    errors = errors_by_status(operations[name])
    by_code = {code: status for status, error in errors.items() for code in error["codes"]}
    assert by_code == {code: STATUSES[code] for code in CODES[name]}
    assert sum(len(error["codes"]) for error in errors.values()) == len(CODES[name])
    for error in errors.values():
        assert error["examples"] == 1
        assert error["body"]["code"] == error["codes"][0]
        assert error["body"]["detail"] not in DOCSTRINGS, "The server sends another message."


@pytest.mark.parametrize("name", WITH_A_BODY)
def test_operations_with_a_body_describe_408(operations, name):
    assert error_body(operations[name], 408)["code"] == "request_too_slow"


def test_errors_of_all_operations_cover_every_code(operations):
    named = {
        code
        for operation in operations.values()
        for error in errors_by_status(operation).values()
        for code in error["codes"]
    }
    assert named == STATUSES.keys()


@pytest.mark.parametrize("name", ROUTES)
def test_retry_after_is_described_for_its_statuses(operations, name):
    having = {
        int(status)
        for status, answer in operations[name]["responses"].items()
        if "Retry-After" in answer.get("headers", {})
    }
    retried = {*RETRIED, "throttled"}
    assert having == {
        status for status, error in errors_by_status(operations[name]).items() if not retried.isdisjoint(error["codes"])
    }


# --- responses are as shown -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OF_CALLERS)
def test_operations_without_credentials_return_401_as_shown(operations, client, name):
    assert operations[name]["security"] == [{"tokenAuth": []}, {"cookieAuth": []}]
    answer = client.generic(ROUTES[name][0].upper(), address_of(name, operations[name]))
    assert answer.status_code == 401
    assert answer.json() == error_body(operations[name], 401)


@pytest.mark.parametrize("name", ROUTES)
def test_other_method_returns_405_as_shown(operations, staff, name):
    answer = client_of(staff).patch(address_of(name, operations[name]))
    assert answer.status_code == 405
    assert answer.json() == error_body(operations[name], 405)


@pytest.mark.parametrize("name", sorted(ROUTES.keys() - {"file_get", "share_follow"}))
def test_other_format_returns_406_as_shown(operations, staff, name):
    address = address_of(name, operations[name])
    answer = client_of(staff).generic(ROUTES[name][0].upper(), address, headers={"accept": "text/html"})
    assert answer.status_code == 406
    assert answer.json() == error_body(operations[name], 406)


@pytest.mark.parametrize("name", WITH_A_BODY)
def test_other_media_type_returns_415_as_shown(operations, staff, name):
    wrong = "multipart/form-data" if name == "file_put" else "text/plain"
    method = ROUTES[name][0].upper()
    answer = client_of(staff).generic(method, address_of(name, operations[name]), "x", content_type=wrong)
    assert (answer.status_code, answer.json()["code"]) == (415, error_body(operations[name], 415)["code"])


@pytest.mark.parametrize(
    ("name", "query", "headers"),
    [
        ("file_put", {}, {"x-checksum-sha256": "?"}),
        ("file_get", {"proxy": "?"}, {}),
        ("object_list", {"page_size": "0"}, {}),
        ("upload_list", {"page_size": "0"}, {}),
        ("upload_usage", {}, {}),
        ("uppy_token_list", {"page_size": "0"}, {}),
        ("uppy_params", {}, {}),
        ("uppy_sign_parts", {"key": "x"}, {}),
    ],
)
def test_invalid_request_returns_400_as_shown(operations, staff, name, query, headers):
    address = f"{address_of(name, operations[name])}?{urlencode(query)}"
    answer = client_of(staff).generic(ROUTES[name][0].upper(), address, headers=headers)
    assert answer.status_code == 400
    assert answer.json() == error_body(operations[name], 400)
