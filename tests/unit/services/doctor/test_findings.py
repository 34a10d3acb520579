from datetime import timedelta

import pytest

from s3_file_uploader.services.doctor.findings import (
    DoctorReport,
    count,
    failure,
    hide_secrets,
    join,
    ok,
    spell_duration,
    warning,
)

LISTED, WARNED, FAILED = ok("a", "seen"), warning("b", "seen", "do b"), failure("c", "seen", "do c")


@pytest.mark.parametrize(
    ("diagnoses", "first", "is_well"),
    [
        ((LISTED,), None, True),
        ((LISTED, WARNED), WARNED, True),
        ((WARNED, FAILED, FAILED), FAILED, False),
    ],
)
def test_first_to_treat_is_the_worst(diagnoses, first, is_well):
    report = DoctorReport(diagnoses)
    assert [diagnosis.without_secrets() for diagnosis in diagnoses] == list(diagnoses)
    assert report.first_to_treat == first
    assert report.is_well is is_well


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (-1, "1 second"),
        (59, "59 seconds"),
        (60, "1 minute"),
        (7199, "1 hour"),
        (86_400 * 3, "3 days"),
    ],
)
def test_spell_duration_uses_the_largest_unit(seconds, text):
    assert spell_duration(timedelta(seconds=seconds)) == text


def test_count_and_join():
    assert (count(1, "file"), count(0, "file")) == ("1 file", "0 files")
    assert join(["a", "b"]) == "a, b"
    assert join("abcdefg", most=2) == "a, b, 5 more"


def test_hide_secrets_hides_keys_passwords_and_signatures(settings):
    settings.AWS_SECRET_ACCESS_KEY = "test-secret-key"
    settings.AWS_SESSION_TOKEN = "short"
    text = "test-secret-key short redis://user:word@host/0 http://s3/?X-Amz-Credential=key%2Fa&X-Amz-Signature=0af&b"
    assert hide_secrets(text) == "*** short redis://***@host/0 http://s3/?X-Amz-Credential=***&X-Amz-Signature=***&b"
