"""`manage.py s3_cors`, called as on the command line."""

import io

import pytest
from django.core.management import CommandError, call_command

from s3_file_uploader.embedded import free_port
from s3_file_uploader.s3.bucket_config import write_cors_rules
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


def run(*arguments):
    out = io.StringIO()
    call_command("s3_cors", *arguments, stdout=out)
    return out.getvalue()


def run_and_fail(*arguments):
    out = io.StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("s3_cors", *arguments, stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue(), str(caught.value)


@pytest.fixture
def refusing_store(settings):
    """Start a store that refuses every origin."""
    with AnsweringServer({}) as server:
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url
        yield server


def test_set_and_remove_change_the_rule(bucket):
    assert run(bucket).startswith("The bucket has no CORS rules.")
    assert run(bucket, "--set", "--origin", APP) == f"Set. S3 may take a minute to apply it.\n{OWN}"
    assert run(bucket, "--set", "--origin", APP) == f"It was set already.\n{OWN}"
    assert run(bucket) == OWN
    assert run(bucket, "--origin", APP) == f"The rules of the bucket let pages of {APP} upload and read.\n"
    assert run(bucket, "--remove").startswith("Removed.\nThe bucket has no CORS rules.")
    assert run(bucket, "--remove").startswith("There was nothing to remove.\n")


def test_show_prints_a_rule_without_id(bucket):
    write_cors_rules(bucket=bucket, region="us-east-1", rules=[CorsRule("", (APP, OTHER), ("GET",), (), (), None)])
    shown = f"  origins: {APP}, {OTHER}\n  methods: GET\n  headers: none\n  exposed: none\n"
    assert run(bucket) == f"Rule 1\n{shown}"


def test_check_with_a_missing_origin_advises_the_command(bucket):
    run(bucket, "--set", "--origin", APP)
    out, error = run_and_fail(bucket, "--origin", OTHER, "--origin", APP)
    assert out == f"No rule allows {OTHER}.\n"
    assert error == (
        "Browsers cannot use the bucket. Set the rule that they need: "
        f"manage.py s3_cors {bucket} --set --origin {APP} --origin {OTHER}"
    )


def test_check_with_a_refusing_store_names_its_setting(bucket, refusing_store):
    out, error = run_and_fail(bucket, "--origin", "*")
    assert out.startswith("https://any.example.com may not send GET, HEAD, PUT, POST: ")
    assert f"manage.py s3_cors {bucket} --set --origin '*'\n" in error
    assert "MINIO_API_CORS_ALLOW_ORIGIN" in error


def test_preflight_refused_in_spite_of_rules_advises_to_wait(bucket, refusing_store):
    run(bucket, "--set", "--origin", APP)
    out, error = run_and_fail(bucket, "--origin", APP, "--preflight")
    assert out.startswith(f"{APP} may not send")
    assert "The rules allow it" in error
    assert "--set" not in error


def test_check_with_an_allowing_store_passes(bucket, refusing_store):
    allowing = dict.fromkeys(
        (
            "Access-Control-Allow-Origin",
            "Access-Control-Allow-Methods",
            "Access-Control-Allow-Headers",
            "Access-Control-Expose-Headers",
        ),
        "*",
    )
    refusing_store.answers = {"OPTIONS": (200, allowing), "GET": (404, allowing)}
    assert run(bucket, "--origin", APP) == f"The store lets pages of {APP} upload and read.\n"


def test_origins_default_to_the_settings(bucket, settings):
    settings.S3_FILE_UPLOADER_CORS_ORIGINS = [APP]
    assert run(bucket, "--set").endswith(OWN)
    settings.AWS_S3_PUBLIC_ENDPOINT_URL = address = f"http://127.0.0.1:{free_port()}"
    assert address in run_and_fail(bucket, "--preflight")[1]


def test_set_for_every_site_warns(bucket):
    errors = io.StringIO()
    call_command("s3_cors", bucket, "--set", "--origin", "*", stdout=io.StringIO(), stderr=errors)
    assert "Pages of every site" in errors.getvalue()
    call_command("s3_cors", bucket, "--set", "--origin", APP, stdout=(out := io.StringIO()), stderr=errors)
    assert "This rule no longer allows: *\n" in out.getvalue()
    assert errors.getvalue().count("Pages of every site") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set"], "Name the origins"),
        (["--preflight"], "Name the origins"),
        (["--remove", "--origin", APP], "--remove removes the whole rule"),
        (["--origin", "app.example.com"], "is no origin"),
        (["--set", "--origin", f"{APP}/"], f"Browsers send {APP}"),
        (["--set", "--remove"], "not allowed with"),
    ],
)
def test_wrong_arguments_fail_and_change_nothing(bucket, arguments, message):
    assert message in run_and_fail(bucket, *arguments)[1]
    assert cors_list(bucket=bucket) == ()


def test_unknown_bucket_fails(aws):
    assert "no such bucket" in run_and_fail("bucket-none")[1]
    assert "A bucket name has 3 to 63" in run_and_fail("x")[1]
