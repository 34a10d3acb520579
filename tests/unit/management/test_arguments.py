from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError

from s3_file_uploader.management.arguments import MAX_HOURS, Wanted, wanted_of
from s3_file_uploader.management.commands.s3_housekeeping import Command
from s3_file_uploader.services import Repairs

DELETE = ("--compare", "--delete-objects")


def wanted(*arguments):
    parser = Command().create_parser("manage.py", "s3_housekeeping")
    return wanted_of(vars(parser.parse_args(arguments)))


def test_by_default_nothing_but_housekeeping():
    assert wanted() == Wanted(
        dry_run=False, abort_multipart_older_than=None, compared=None, repairs=Repairs(), report=None
    )
    assert wanted().buckets == []


def test_all_of_it_in_the_terms_of_the_services(user):
    everything = ("--remove-records", "--update-records", "--older-than", "0.5", "--whoever-made-them", "--dry-run")
    assert wanted(*DELETE, *everything, "--abort-multipart-older-than", "24", "--report", "file") == Wanted(
        dry_run=True,
        abort_multipart_older_than=timedelta(days=1),
        compared=(),
        repairs=Repairs(
            remove_records=True,
            update_records=True,
            delete_objects_older_than=timedelta(minutes=30),
            whoever_made_them=True,
        ),
        report="file",
    )
    assert wanted("--compare", "b-two", "b-one", "b-two", "--adopt", "user") == Wanted(
        dry_run=False,
        abort_multipart_older_than=None,
        compared=("b-two", "b-one"),
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
        ("--whoever-made-them",),
        DELETE,
        (*DELETE, "--whoever-made-them"),
        (*DELETE, "--older-than", "1", "--adopt", "user"),
        ("--compare", "--older-than", "1"),
        ("--compare", "--whoever-made-them"),
    ],
)
def test_what_cannot_be_meant_so(user, arguments):
    with pytest.raises(CommandError, match=r"--|one of the two"):
        wanted(*arguments)


@pytest.mark.parametrize("hours", ["-1", "nan", "inf", "1e300", f"{MAX_HOURS + 1}"])
@pytest.mark.parametrize("option", [("--abort-multipart-older-than",), (*DELETE, "--older-than")])
def test_ages_that_are_none(option, hours):
    with pytest.raises(CommandError, match=f"{option[-1]} as hours"):
        wanted(*option, hours)


@pytest.mark.parametrize("hours", ["0", f"{MAX_HOURS}"])
def test_the_youngest_and_the_oldest_age(hours):
    assert wanted("--abort-multipart-older-than", hours).abort_multipart_older_than == timedelta(hours=int(hours))


@pytest.mark.parametrize("bucket", ["", "No Bucket", "a", "x" * 64, "\u00e9\u00e9\u00e9"])
def test_names_that_can_be_no_bucket(bucket):
    with pytest.raises(CommandError, match="bucket name"):
        wanted("--compare", "fine", bucket)


@pytest.mark.parametrize("who", ["nobody", "", "-1", "9" * 40])
def test_users_who_are_not_there(user, who):
    with pytest.raises(CommandError, match="not one user"):
        wanted("--compare", f"--adopt={who}")


def test_a_user_by_name_or_key(user):
    for who in (user.username, str(user.pk)):
        assert wanted("--compare", "--adopt", who).repairs.adopt_for == user


def test_one_users_name_that_is_anothers_key(user):
    User.objects.create_user(str(user.pk))
    with pytest.raises(CommandError, match="not one user"):
        wanted("--compare", "--adopt", str(user.pk))
