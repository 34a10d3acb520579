import threading
from contextlib import suppress

import pytest

from s3_file_uploader.embedded import free_port
from s3_file_uploader.exceptions import StorageUnavailable
from s3_file_uploader.s3.client import get_client, read_timeouts
from s3_file_uploader.s3.trials.scratch import PREFIX, Scratch
from s3_file_uploader.services import doctor_examine
from s3_file_uploader.services.doctor import run
from s3_file_uploader.services.doctor.findings import Status, failure, ok, warning
from s3_file_uploader.services.doctor.run import EXAMINATIONS, Examination
from tests.support.answering import AnsweringServer
from tests.unit.services.doctor.conftest import seen

NETWORK = {"Store", "Bucket"}


def step(name, *diagnoses, needs=(), error=None):
    def examine(case):
        yield from diagnoses
        if error:
            raise error

    return Examination("Group", name, examine, needs)


def examined(*steps, **options):
    return seen(doctor_examine(examinations=steps, **options).diagnoses)


def test_step_that_needs_a_failed_one_is_not_tried_and_names_the_first():
    diagnosis = examined(
        step("a", failure("a", "broken", "mend it")),
        step("b", ok("b", "fine"), needs=("a",)),
        step("c", ok("c", "fine"), needs=("b",)),
        step("d", ok("d", "fine")),
    )
    assert diagnosis == [
        ("failure", "a", "broken"),
        ("not tried", "b", "needs: a"),
        ("not tried", "c", "needs: a"),
        ("ok", "d", "fine"),
    ]


@pytest.mark.parametrize(("blocks", "status"), [(True, "not tried"), (False, "ok")])
def test_warning_blocks_only_if_it_says_so(blocks, status):
    diagnosis = examined(
        step("a", warning("a", "poor", "mend it", blocks=blocks)), step("b", ok("b", "fine"), needs=("a",))
    )
    assert diagnosis[1][0] == status


def test_errors_become_failures_without_secrets(settings):
    settings.AWS_SECRET_ACCESS_KEY = "test-secret-key"
    diagnosis = examined(
        step("a", ok("a", "before"), error=StorageUnavailable("S3 is away.")),
        step("b", error=ZeroDivisionError("redis://me:word@host with test-secret-key\nmore")),
    )
    assert diagnosis == [
        ("ok", "a", "before"),
        ("failure", "a", "StorageUnavailable"),
        ("failure", "b", "ZeroDivisionError: redis://***@host with ***"),
    ]


def test_step_that_hangs_fails_at_the_deadline(monkeypatch):
    monkeypatch.setattr(run, "DEADLINE_SECONDS", 0.2)
    over = threading.Event()

    def hang(case):
        yield ok("a", "before")
        over.wait(30)

    diagnosis = examined(Examination("Group", "a", hang), step("b", ok("b", "fine"), needs=("a",)))
    over.set()
    assert diagnosis == [
        ("ok", "a", "before"),
        ("failure", "a", "no answer within 0 seconds"),
        ("not tried", "b", "needs: a"),
    ]


def test_calls_to_s3_are_impatient():
    timeouts = []

    def note(case):
        timeouts.append(read_timeouts())
        yield ok("a", "fine")

    doctor_examine(examinations=(Examination("Group", "a", note),))
    assert timeouts == [(run.PATIENCE_SECONDS, run.PATIENCE_SECONDS)]
    assert read_timeouts() == (3, 20)


def test_address_of_the_settings_is_used(settings):
    settings.S3_FILE_UPLOADER_URL = "https://of-the-settings"
    addresses = []

    def note(case):
        addresses.append(case.address)
        yield ok("a", "fine")

    for address in (None, "https://given"):
        doctor_examine(address=address, examinations=(Examination("Group", "a", note),))
    assert addresses == ["https://of-the-settings", "https://given"]


def test_scratch_is_removed_even_if_the_run_is_interrupted(real_bucket):
    def write(case):
        case.scratch = Scratch(real_bucket)
        case.scratch.put("object")
        yield ok("a", "fine")

    def interrupt(diagnosis):
        raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        doctor_examine(examinations=(Examination("Group", "a", write),), on_diagnosis=interrupt)
    assert "Contents" not in get_client().list_objects_v2(Bucket=real_bucket, Prefix=PREFIX)


@pytest.mark.django_db(transaction=True)
class TestAll:
    def test_whole_run_with_a_real_store_has_no_failure(self, real_bucket, settings):
        settings.S3_FILE_UPLOADER_STORE = ["payload_hash_in_urls", "post_forms"]
        report = doctor_examine(bucket=real_bucket)
        assert report.is_well, [diagnosis for diagnosis in report.diagnoses if diagnosis.status == Status.FAILURE]
        assert [diagnosis.name for diagnosis in report.diagnoses if diagnosis.status == Status.NOT_TRIED] == ["address"]
        assert {diagnosis.group for diagnosis in report.diagnoses} == {
            examination.group for examination in EXAMINATIONS
        }
        assert "Contents" not in get_client().list_objects_v2(Bucket=real_bucket)

    def test_without_network_one_failure_is_told(self, settings):
        settings.AWS_S3_ENDPOINT_URL = f"http://127.0.0.1:{free_port()}"
        self._assert_one_failure()

    def test_store_that_hangs_is_waited_for_once(self, settings, monkeypatch):
        monkeypatch.setattr(run, "PATIENCE_SECONDS", 0.5)
        with AnsweringServer({}) as server:
            server.rests_before_answer = 2
            settings.AWS_S3_ENDPOINT_URL = server.url
            self._assert_one_failure()
            assert len(server.requests) == 1

    def _assert_one_failure(self):
        report = doctor_examine(bucket="bucket-one")
        network = [diagnosis for diagnosis in report.diagnoses if diagnosis.group in NETWORK]
        assert network[0].status == Status.FAILURE
        assert {diagnosis.status for diagnosis in network[1:]} == {Status.NOT_TRIED}
        assert {diagnosis.seen for diagnosis in network[1:]} == {"needs: endpoint"}
