from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from s3_file_uploader.management.arguments import MAX_HOURS, HousekeepingOptions, parse_options
from s3_file_uploader.management.commands.s3_housekeeping import Command
from s3_file_uploader.services import Repairs

DELETE = ("--compare", "--delete-objects")


def parse(*arguments):
    parser = Command().create_parser("manage.py", "s3_housekeeping")
    return parse_options(vars(parser.parse_args(arguments)))


def test_parse_without_options_asks_for_housekeeping_only():
    assert parse() == HousekeepingOptions(
        dry_run=False, abort_multipart_older_than=None, compared_buckets=None, repairs=Repairs(), report=None
    )
    assert parse().buckets == []


def test_parse_with_all_options_returns_them(user):
    everything = (
        "--remove-records",
        "--update-records",
        "--older-than",
        "0.5",
        "--include-foreign-objects",
        "--dry-run",
    )
    assert parse(*DELETE, *everything, "--abort-multipart-older-than", "24", "--report", "file") == HousekeepingOptions(
        dry_run=True,
        abort_multipart_older_than=timedelta(days=1),
        compared_buckets=(),
        repairs=Repairs(
            remove_records=True,
            update_records=True,
            delete_objects_older_than=timedelta(minutes=30),
            include_foreign_objects=True,
        ),
        report="file",
    )
    assert parse("--compare", "b-two", "b-one", "b-two", "--adopt", "user") == HousekeepingOptions(
        dry_run=False,
        abort_multipart_older_than=None,
        compared_buckets=("b-two", "b-one"),
        repairs=Repairs(adopt_for=user),
        report=None,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("--remove-records",),
        ("--update-records",),
        ("--adopt", "user"),
        ("--delete-objects", "--older-than", "1"),
        ("--older-than", "1"),
        ("--older-than", "0"),
        ("--include-foreign-objects",),
        DELETE,
        (*DELETE, "--include-foreign-objects"),
        (*DELETE, "--older-than", "1", "--adopt", "user"),
        ("--compare", "--older-than", "1"),
        ("--compare", "--include-foreign-objects"),
    ],
)
def test_parse_with_contradicting_options_fails(user, arguments):
    with pytest.raises(CommandError, match=r"--|one of the two"):
        parse(*arguments)


@pytest.mark.parametrize("hours", ["-1", "nan", "inf", "1e300", f"{MAX_HOURS + 1}"])
@pytest.mark.parametrize("option", [("--abort-multipart-older-than",), (*DELETE, "--older-than")])
def test_parse_with_an_invalid_age_fails(option, hours):
    with pytest.raises(CommandError, match=f"{option[-1]} as hours"):
        parse(*option, hours)


@pytest.mark.parametrize("hours", ["0", f"{MAX_HOURS}"])
def test_parse_with_an_extreme_age_accepts_it(hours):
    assert parse("--abort-multipart-older-than", hours).abort_multipart_older_than == timedelta(hours=int(hours))


@pytest.mark.parametrize("bucket", ["", "No Bucket", "a", "x" * 64, "\u00e9\u00e9\u00e9"])
def test_parse_with_an_invalid_bucket_name_fails(bucket):
    with pytest.raises(CommandError, match="bucket name"):
        parse("--compare", "fine", bucket)


@pytest.mark.parametrize("name", ["unknown", "", "-1", "9" * 40])
def test_parse_with_an_unknown_user_fails(user, name):
    with pytest.raises(CommandError, match="not exactly one user"):
        parse("--compare", f"--adopt={name}")


def test_parse_with_a_name_or_key_finds_the_user(user):
    for name in (user.username, str(user.pk)):
        assert parse("--compare", "--adopt", name).repairs.adopt_for == user


def test_parse_with_an_ambiguous_user_fails(user):
    User.objects.create_user(str(user.pk))
    with pytest.raises(CommandError, match="not exactly one user"):
        parse("--compare", "--adopt", str(user.pk))
