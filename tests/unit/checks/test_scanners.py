from importlib import import_module

import pytest
from django.core.checks import run_checks

from s3_file_uploader.checks import scanners

CLAMAV = "s3_file_uploader.scanners.ClamAV"
BACKENDS = f"{import_module('s3_file_uploader.scan_tasks').interface.__name__}.backends"


def list_message_ids():
    messages = [message for message in run_checks() if message.id.startswith("s3_file_uploader")]
    assert all(message.hint for message in messages)
    return {message.id.removeprefix("s3_file_uploader.") for message in messages}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"SCANNERS": CLAMAV}, {"E030"}),
        ({"SCANNERS": None}, {"E030"}),
        ({"SCANNERS": ["no.such.Scanner"]}, {"E030"}),
        ({"SCANNERS": [CLAMAV, "tests.support.scanners.NoScanner"]}, {"E030"}),
        ({"SCANNERS": ["tests.support.scanners.use"]}, {"E030"}),
        ({"SCANNERS": ["Scanner"]}, {"E030"}),
        ({"SCANNERS": [1]}, {"E030"}),
        ({"SCANNERS": [CLAMAV, "tests.support.scanners.LooksForVirus"]}, set()),
        ({"CLAMAV_ADDRESS": "clamav"}, {"E031"}),
        ({"CLAMAV_ADDRESS": "clamav:"}, {"E031"}),
        ({"CLAMAV_ADDRESS": ":3310"}, {"E031"}),
        ({"CLAMAV_ADDRESS": "clamav:0"}, {"E031"}),
        ({"CLAMAV_ADDRESS": "clamav:65536"}, {"E031"}),
        ({"CLAMAV_ADDRESS": "clamav:3310"}, set()),
        ({"CLAMAV_ADDRESS": "[::1]:3310"}, set()),
        ({"SCAN_TASK_BACKEND": "no such"}, {"E032"}),
        ({"SCAN_TASK_BACKEND": ["default"]}, {"E032"}),
        ({"SCAN_TASK_BACKEND": "default"}, {"W012"}),
        ({"SCAN_TASK_BACKEND": "dummy"}, {"W012"}),
        ({"SCAN_TASK_BACKEND": "workers"}, set()),
        ({"SCAN_TOO_LARGE": "reject"}, {"E033"}),
        ({"SCAN_TOO_LARGE": "pass"}, set()),
        ({"SCAN_IN_REQUEST_BYTES": -1}, {"E034"}),
        ({"SCAN_IN_REQUEST_BYTES": "5 MB"}, {"E034"}),
        ({"CLAMAV_TIMEOUT_SECONDS": None}, {"E034"}),
        ({"CLAMAV_MAX_BYTES": 2**31}, {"E034"}),
    ],
)
def test_check_scanners_with_a_setting_returns_expected_ids(settings, changed, expected):
    settings.TASKS = {
        "default": {"BACKEND": f"{BACKENDS}.immediate.ImmediateBackend"},
        "dummy": {"BACKEND": f"{BACKENDS}.dummy.DummyBackend"},
        "workers": {"BACKEND": "tests.unit.checks.test_scanners.Workers"},
    }
    for name, value in changed.items():
        setattr(settings, f"S3_FILE_UPLOADER_{name}", value)
    assert list_message_ids() == expected


def test_check_task_backend_without_tasks_returns_e032(settings, monkeypatch):
    settings.S3_FILE_UPLOADER_SCAN_TASK_BACKEND = "default"
    assert {message.id for message in scanners.check_task_backend(interfaces=())} == {"s3_file_uploader.E032"}


class Workers(import_module(f"{BACKENDS}.base").BaseTaskBackend):  # type: ignore[misc]
    def enqueue(self, *args, **kwargs):
        raise NotImplementedError
