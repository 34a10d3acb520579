"""`manage.py s3_cors`, as one types it."""

import io

import pytest
from django.core.management import CommandError, call_command

from s3_file_uploader.embedded import free_port
from s3_file_uploader.s3.bucket_config import cors_rules_write
from s3_file_uploader.services import cors_list
from s3_file_uploader.values import CorsRule
from tests.support.answering import AnsweringServer

APP, OTHER = "https://app.example.com", "https://other.example.com"
OWN = """\
Rule 1, s3-file-uploader
  origins: https://app.example.com
  methods: GET, HEAD, PUT, POST
  headers: *
  exposed: ETag, Location, Content-Length, Content-Range, Accept-Ranges
"""


def told(*arguments):
    out = io.StringIO()
    call_command("s3_cors", *arguments, stdout=out)
    return out.getvalue()


def refused(*arguments):
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("s3_cors", *arguments, stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue(), str(caught.value)


@pytest.fixture
def refusing(settings):
    """Be a store that lets no page in."""
    with AnsweringServer({}) as server:
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url
        yield server


def test_from_nothing_to_set_and_back(bucket):
    assert told(bucket).startswith("The bucket has no CORS rules.")
    assert told(bucket, "--set", "--origin", APP) == f"Set; S3 may take a minute to act on it.\n{OWN}"
    assert told(bucket, "--set", "--origin", APP) == f"It was set already.\n{OWN}"
    assert told(bucket) == OWN
    assert told(bucket, "--origin", APP) == f"The rules of the bucket let pages of {APP} upload and read.\n"
    assert told(bucket, "--remove").startswith("Removed.\nThe bucket has no CORS rules.")
    assert told(bucket, "--remove").startswith("There was nothing to remove.\n")


def test_a_nameless_rule_that_allows_little(bucket):
    cors_rules_write(bucket=bucket, region="us-east-1", rules=[CorsRule("", (APP, OTHER), ("GET",), (), (), None)])
    shown = f"  origins: {APP}, {OTHER}\n  methods: GET\n  headers: none\n  exposed: none\n"
    assert told(bucket) == f"Rule 1\n{shown}"


def test_what_is_missing_is_explained_with_the_command_that_keeps_what_is_there(bucket):
    told(bucket, "--set", "--origin", APP)
    out, error = refused(bucket, "--origin", OTHER, "--origin", APP)
    assert out == f"No rule allows {OTHER}.\n"
    assert error == (
        "Browsers do not get through. What they need is set by: "
        f"manage.py s3_cors {bucket} --set --origin {APP} --origin {OTHER}"
    )


def test_a_store_that_lets_nobody_in(bucket, refusing):
    out, error = refused(bucket, "--origin", "*")
    assert out.startswith("https://any.example.com may not send GET, HEAD, PUT, POST: ")
    assert f"manage.py s3_cors {bucket} --set --origin '*'\n" in error
    assert "MINIO_API_CORS_ALLOW_ORIGIN" in error


def test_rules_that_do_not_reach_the_browser(bucket, refusing):
    told(bucket, "--set", "--origin", APP)
    out, error = refused(bucket, "--origin", APP, "--preflight")
    assert out.startswith(f"{APP} may not send")
    assert "The rules would let them" in error
    assert "--set" not in error


def test_a_store_that_lets_everybody_in(bucket, refusing):
    letting_in = dict.fromkeys(
        (
            "Access-Control-Allow-Origin",
            "Access-Control-Allow-Methods",
            "Access-Control-Allow-Headers",
            "Access-Control-Expose-Headers",
        ),
        "*",
    )
    refusing.answers = {"OPTIONS": (200, letting_in), "GET": (404, letting_in)}
    assert told(bucket, "--origin", APP) == f"The store lets pages of {APP} upload and read.\n"


def test_origins_of_the_settings(bucket, settings):
    settings.S3_FILE_UPLOADER_CORS_ORIGINS = [APP]
    assert told(bucket, "--set").endswith(OWN)
    settings.AWS_S3_PUBLIC_ENDPOINT_URL = address = f"http://127.0.0.1:{free_port()}"
    assert address in refused(bucket, "--preflight")[1]


def test_every_site_is_let_in_with_a_warning(bucket):
    errors = io.StringIO()
    call_command("s3_cors", bucket, "--set", "--origin", "*", stdout=io.StringIO(), stderr=errors)
    assert "Pages of every site" in errors.getvalue()
    call_command("s3_cors", bucket, "--set", "--origin", APP, stdout=(out := io.StringIO()), stderr=errors)
    assert "No longer let in by this rule: *\n" in out.getvalue()
    assert errors.getvalue().count("Pages of every site") == 1


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--set"], "Name the origins"),
        (["--preflight"], "Name the origins"),
        (["--remove", "--origin", APP], "--remove takes the whole rule away"),
        (["--origin", "app.example.com"], "is no origin"),
        (["--set", "--origin", f"{APP}/"], f"Browsers send {APP}"),
        (["--set", "--remove"], "not allowed with"),
    ],
)
def test_what_cannot_be_meant(bucket, arguments, why):
    assert why in refused(bucket, *arguments)[1]
    assert cors_list(bucket=bucket) == ()


def test_no_bucket(aws):
    assert "no such bucket" in refused("bucket-none")[1]
    assert "A bucket name has 3 to 63" in refused("x")[1]
