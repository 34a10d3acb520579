from datetime import timedelta

import pytest
from django.utils import timezone

from s3_file_uploader.exceptions import UploadInProgress
from s3_file_uploader.models import FileUpload, IdempotencyKey
from s3_file_uploader.models.idempotency_key import key_digest
from s3_file_uploader.models.lease import claim_record, create_claimed, end_lease_in
from s3_file_uploader.models.transitions import mark_stored, remove_record

pytestmark = pytest.mark.django_db
Status = FileUpload.Status
KEYS = IdempotencyKey.objects


@pytest.fixture
def upload(user):
    return create_claimed(user=user, bucket="bucket", file_name="file", content_type="x/y")


def taken(user, upload, key="key"):
    KEYS.take(user=user, key=key, upload=upload)
    return KEYS.of(user=user, key=key).get()


def store(upload):
    mark_stored(upload, size=1, etag="e", completed_at=timezone.now())
    KEYS.mark_answered(upload)


def test_key_digest_of_another_user_or_key_differs(user, other):
    assert key_digest(user, "key") == key_digest(user, "key")
    assert len({key_digest(user, "key"), key_digest(other, "key"), key_digest(user, "Key")}) == 3


def test_str_names_the_upload_and_not_the_key(user, upload):
    key = taken(user, upload, "secret")
    assert (key.upload, key.claim_id, key.is_answered) == (upload, upload.claim_id, False)
    assert timezone.now() - key.created_at < timedelta(minutes=1)
    assert str(key) == str(upload.pk)
    assert "secret" not in "".join(map(str, vars(key).values()))


def test_queryset_of_narrows_to_the_key_of_one_user(user, other, upload):
    key = taken(user, upload)
    assert list(KEYS.of(user=user, key="key")) == [key]
    assert not KEYS.of(user=other, key="key").exists()
    assert not KEYS.of(user=user, key="another").exists()


class TestInProgress:
    def test_in_progress_while_the_lease_lives_is_true(self, user, upload):
        assert taken(user, upload).is_in_progress

    def test_in_progress_once_answered_is_false(self, user, upload):
        key = taken(user, upload)
        store(upload)
        assert not KEYS.get(pk=key.pk).is_in_progress

    def test_in_progress_after_the_lease_expired_is_false(self, user, upload):
        key = taken(user, upload)
        end_lease_in(upload, -1)
        assert not KEYS.get(pk=key.pk).is_in_progress

    def test_in_progress_under_another_claim_is_false(self, user, upload):
        key = taken(user, upload)
        end_lease_in(upload, -1)
        claim_record(upload, Status.PENDING)
        assert not KEYS.get(pk=key.pk).is_in_progress

    def test_in_progress_after_an_undone_overwrite_is_false(self, user, upload):
        mark_stored(upload, size=1, etag="e", completed_at=timezone.now())
        claim_record(upload, Status.PENDING)
        key = taken(user, upload)
        mark_stored(upload)
        key.refresh_from_db()
        assert (key.is_answered, key.is_in_progress) == (False, False)


class TestTake:
    def test_take_open_key_takes_it_over(self, user, upload):
        first = taken(user, upload)
        end_lease_in(upload, -1)
        claim_record(upload, Status.PENDING)
        second = taken(user, upload)
        assert (KEYS.get(), second.claim_id) == (second, upload.claim_id)
        assert second.claim_id != first.claim_id

    def test_take_answered_key_is_refused(self, user, upload):
        taken(user, upload)
        store(upload)
        later = create_claimed(user=user, bucket="bucket", file_name="later", content_type="x/y")
        with pytest.raises(UploadInProgress, match="same Idempotency-Key"):
            taken(user, later)
        assert KEYS.get().upload == upload
        assert KEYS.get().is_answered

    def test_take_key_in_progress_is_refused(self, user, upload):
        key = taken(user, upload)
        later = create_claimed(user=user, bucket="bucket", file_name="later", content_type="x/y")
        with pytest.raises(UploadInProgress, match="same Idempotency-Key"):
            taken(user, later)
        assert KEYS.get() == key

    def test_take_key_written_at_the_same_time_is_refused(self, user, upload):
        """Both have seen no key; the database decides."""

        class Blind(type(KEYS.all())):
            def of(self, **_):
                return self.none()

        taken(user, upload)
        with pytest.raises(UploadInProgress, match="same Idempotency-Key"):
            Blind(IdempotencyKey).take(user=user, key="key", upload=upload)

    def test_take_second_key_of_an_upload_adds_it(self, user, other, upload):
        for person, key in ((user, "key"), (user, "another"), (other, "key")):
            taken(person, upload, key)
        assert KEYS.count() == 3


class TestAnswered:
    def test_mark_answered_changes_only_the_key_of_the_claim(self, user, upload):
        before = taken(user, upload, "before")
        end_lease_in(upload, -1)
        claim_record(upload, Status.PENDING)
        mine = taken(user, upload, "mine")
        store(upload)
        assert [KEYS.get(pk=key.pk).is_answered for key in (before, mine)] == [False, True]

    def test_mark_answered_without_a_key_changes_nothing(self, user, upload):
        key = taken(user, upload)
        end_lease_in(upload, -1)
        claim_record(upload, Status.PENDING)
        store(upload)
        assert not KEYS.get(pk=key.pk).is_answered


def test_remove_record_removes_its_keys(user, upload):
    taken(user, upload)
    remove_record(upload)
    assert not KEYS.exists()
