"""`manage.py s3_doctor`, called as on the command line."""

import io
import json
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.core.management.color import color_style, no_style

from s3_file_uploader.management.doctor_screen import DoctorScreen, summarize
from s3_file_uploader.services.doctor.findings import Diagnosis, DoctorReport, Status, failure, ok, warning

LONG = "a text that is longer than the second column of a terminal of eighty columns, and that is wrapped therefore"
SCREEN = """\
Store
ok      endpoint         http://store
FAILURE clock            a text that is longer than the second column of a
                         terminal of eighty columns, and that is wrapped
                         therefore
                         -> Set the clock.
-       not tried        bucket, rights (needs: clock)
Service
warning cache            unshared
                         -> Use Redis.

1 failure, 1 warning, 2 not tried, 1 ok. First: clock. Set the clock.
"""


def in_group(group, *diagnoses):
    return [Diagnosis(one.name, one.status, one.seen, one.advice, group) for one in diagnoses]


DIAGNOSES = [
    *in_group(
        "Store",
        ok("endpoint", "http://store"),
        failure("clock", LONG, "Set the clock."),
        Diagnosis("bucket", Status.NOT_TRIED, "needs: clock"),
        Diagnosis("rights", Status.NOT_TRIED, "needs: clock"),
    ),
    *in_group("Service", warning("cache", "unshared", "Use Redis.")),
]


def show(style, width=80):
    lines = []
    screen = DoctorScreen(SimpleNamespace(write=lines.append), style, width)
    for diagnosis in DIAGNOSES:
        screen.show(diagnosis)
    screen.end(DoctorReport(tuple(DIAGNOSES)))
    return "".join(f"{line}\n" for line in lines)


def run(*arguments, status=0):
    out = io.StringIO()
    if status:
        with pytest.raises(SystemExit) as caught:
            call_command("s3_doctor", *arguments, stdout=out)
        assert caught.value.code == status
    else:
        call_command("s3_doctor", *arguments, stdout=out)
    return out.getvalue()


def test_screen_has_groups_columns_and_a_last_line():
    assert show(no_style()) == SCREEN


def test_screen_is_in_colour_with_a_style(monkeypatch):
    monkeypatch.setenv("DJANGO_COLORS", "dark")
    shown = show(color_style(force_color=True))
    assert "\x1b[" in shown
    assert "\x1b[31;1mFAILURE" in shown


@pytest.mark.parametrize(("width", "longest"), [(20, 60), (300, 100)])
def test_screen_is_neither_narrow_nor_wide(width, longest):
    assert 50 < max(map(len, show(no_style(), width).splitlines())) <= longest


@pytest.mark.parametrize(
    ("diagnoses", "summary"),
    [
        ([ok("a", "fine")], "1 ok. Nothing to do."),
        ([ok("a", "fine"), warning("b", "poor", "Do it.")], "1 warning, 1 ok. First: b. Do it."),
        ([warning("b", "poor", "Do it. " * 20)], "1 warning, 0 ok. First: b. See above what to do."),
    ],
)
def test_last_line_says_what_to_do_first(diagnoses, summary):
    lines = []
    DoctorScreen(SimpleNamespace(write=lines.append), no_style(), 80).end(DoctorReport(tuple(diagnoses)))
    assert lines == ["", summary]
    assert summarize(DoctorReport(tuple(diagnoses))) == summary


@pytest.mark.django_db(transaction=True)
class TestCommand:
    def test_failure_is_status_1_on_the_screen_and_in_json(self, settings):
        settings.AWS_STORAGE_REGION = ""
        shown = run("bucket-one", status=1)
        assert "FAILURE region" in shown
        told = json.loads(run("bucket-one", "--json", status=1))
        assert not told["is_well"]
        assert told["summary"] in " ".join(shown.split())
        assert set(told["diagnoses"][0]) == {"group", "name", "status", "seen", "advice"}

    def test_warnings_are_status_0(self, aws):
        assert "FAILURE" not in run()
        assert json.loads(run("--json"))["is_well"]
