import pytest
from botocore import exceptions as boto

from s3_file_uploader import exceptions as own
from s3_file_uploader.s3.errors import CLIENT_ERRORS, note_attempt, nothing_there, storage_errors


def walk(kind):
    yield kind
    for below in kind.__subclasses__():
        yield from walk(below)


def raised_as(error, **options):
    with pytest.raises(own.S3FileUploaderError) as caught, storage_errors(**options):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


def client_error(code, status=400):
    return boto.ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")


def bare(kind):
    """Make any botocore error without knowing its parameters."""
    error = kind.__new__(kind)
    Exception.__init__(error, "secret-value")
    return error


@pytest.mark.parametrize("kind", sorted(set(walk(boto.BotoCoreError)), key=repr))
def test_storage_errors_every_botocore_error_is_translated(kind):
    error = raised_as(bare(kind))
    assert isinstance(error, own.StorageProblem)
    assert "secret-value" not in str(error)
    assert str(error).endswith((".", "role."))


@pytest.mark.parametrize(
    ("kind", "ours"),
    [
        (boto.ReadTimeoutError, own.StorageTimeout),
        (boto.ConnectTimeoutError, own.StorageUnavailable),
        (boto.EndpointConnectionError, own.StorageUnavailable),
        (boto.ConnectionClosedError, own.StorageUnavailable),
        (boto.SSLError, own.StorageUnavailable),
        (boto.ProxyConnectionError, own.StorageUnavailable),
        (boto.IncompleteReadError, own.StorageUnavailable),
        (boto.ResponseStreamingError, own.StorageUnavailable),
        (boto.NoCredentialsError, own.StorageNotConfigured),
        (boto.CredentialRetrievalError, own.StorageNotConfigured),
        (boto.NoRegionError, own.StorageNotConfigured),
        (boto.ParamValidationError, own.StorageError),
    ],
)
def test_storage_errors_botocore_error_becomes_its_leaf(kind, ours):
    assert type(raised_as(bare(kind))) is ours


@pytest.mark.parametrize("code", sorted(CLIENT_ERRORS))
def test_storage_errors_every_code_has_its_leaf_and_message(code):
    ours, message = CLIENT_ERRORS[code]
    error = raised_as(client_error(code))
    assert type(error) is ours
    assert str(error) == message


@pytest.mark.parametrize(
    ("code", "status", "ours"),
    [
        ("SomethingNew", 400, own.StorageError),
        ("SomethingNew", 503, own.StorageUnavailable),
        ("SomethingNew", 403, own.StorageAccessDenied),
        ("SomethingNew", 501, own.StorageUnsupported),
        ("InternalError", 500, own.StorageError),
        ("XMinioParentIsObject", 409, own.FileExists),
        ("", 0, own.StorageError),
    ],
)
def test_storage_errors_unknown_code_is_translated_by_its_status(code, status, ours):
    assert type(raised_as(client_error(code, status))) is ours


def test_storage_errors_bare_404_depends_on_about():
    assert type(raised_as(client_error("404", 404))) is own.FileNotFound
    assert type(raised_as(client_error("404", 404), about="bucket")) is own.BucketNotFound
    assert type(raised_as(client_error("404", 404), about="account")) is own.StorageNotConfigured


@pytest.mark.parametrize("code", ["IllegalLocationConstraintException", "InvalidLocationConstraint"])
def test_storage_errors_wrong_region_is_an_error_of_its_field(code):
    assert raised_as(client_error(code)).field == "region"


@pytest.mark.parametrize(
    ("earlier", "ours"),
    [
        (None, own.StorageUnavailable),
        (boto.ConnectTimeoutError, own.StorageUnavailable),
        (boto.ReadTimeoutError, own.StorageTimeout),
        (boto.ConnectionClosedError, own.StorageTimeout),
    ],
)
def test_storage_errors_after_a_lost_attempt_is_a_timeout(earlier, ours):
    with pytest.raises(ours), storage_errors():
        note_attempt(caught_exception=earlier and bare(earlier), response=None)
        raise bare(boto.EndpointConnectionError)


@pytest.mark.parametrize("code", ["503", "SlowDown"])
def test_storage_errors_busy_store_after_lost_attempt_is_timeout(code):
    with pytest.raises(own.StorageTimeout), storage_errors():
        note_attempt(caught_exception=bare(boto.ReadTimeoutError), response=None)
        raise client_error(code, 503)
    with pytest.raises(own.FileExists), storage_errors():  # A definite word of S3's stays what it is.
        note_attempt(caught_exception=bare(boto.ReadTimeoutError), response=None)
        raise client_error("PreconditionFailed", 412)


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", own.StorageUnavailable),
        ("[SSL: DECRYPTION_FAILED_OR_BAD_RECORD_MAC] bad record mac", own.StorageTimeout),
    ],
)
def test_storage_errors_tls_failure_has_the_error_of_its_cause(said, ours):
    with pytest.raises(ours), storage_errors():
        note_attempt(caught_exception=boto.SSLError(endpoint_url="https://store", error=said), response=None)
        raise bare(boto.EndpointConnectionError)


def test_nothing_there_expected_code_passes_and_others_raise():
    with nothing_there("NoSuchCORSConfiguration"):
        raise client_error("NoSuchCORSConfiguration", 404)
    for other in ("NoSuchBucket", "404"):
        with pytest.raises(boto.ClientError), nothing_there("NoSuchCORSConfiguration"):
            raise client_error(other, 404)


def test_storage_errors_other_exception_passes():
    with pytest.raises(KeyError), storage_errors():
        raise KeyError


@pytest.mark.parametrize("cause", ["cause(is a directory)", "cause(not a directory)"])
def test_storage_errors_path_in_the_way_is_file_exists(cause):
    error = client_error("InternalError", 500)
    error.response["Error"]["Message"] = f"We encountered an internal error, please try again.: {cause}"
    assert type(raised_as(error)) is own.FileExists
