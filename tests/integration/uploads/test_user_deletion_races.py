"""Delete a user while the user's uploads start: the deletion succeeds, whichever way each upload ends."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection
from django.db.models import ProtectedError

from s3_file_uploader.exceptions import S3FileUploaderError
from s3_file_uploader.models import FileUpload
from s3_file_uploader.services import upload_start

ROUNDS, UPLOADERS = 7, 4


def upload(user, bucket, barrier):
    """Start uploads until one fails because the user is deleted."""
    try:
        barrier.wait(30)
        for number in range(5):
            upload_start(
                user=user, owner=user, bucket=bucket, file_name=f"{number}.txt", content_type="text/plain", size=1
            )
    except (IntegrityError, S3FileUploaderError):
        return
    finally:
        connection.close()


def delete(user, barrier):
    try:
        barrier.wait(30)
        user.delete()
    except ProtectedError:
        return "protected"
    finally:
        connection.close()
    return "deleted"


@pytest.mark.parametrize("quota", [None, 10**9])
@pytest.mark.parametrize("rule", ["keep", "delete", "protect"])
def test_user_delete_beside_uploads_never_fails(transactional_db, bucket, settings, rule, quota):
    settings.S3_FILE_UPLOADER_WHEN_USER_DELETED = rule
    if quota:
        settings.S3_FILE_UPLOADER_POLICIES = {"*": {"quota_bytes": quota}}
    for number in range(ROUNDS):
        user = User.objects.create_user(f"user{number}")
        barrier, key = Barrier(UPLOADERS + 1), user.pk
        with ThreadPoolExecutor(UPLOADERS + 1) as pool:
            uploads = [pool.submit(upload, User.objects.get(pk=key), bucket, barrier) for _ in range(UPLOADERS)]
            ended = pool.submit(delete, user, barrier).result()
            for done in uploads:
                done.result()
        left = FileUpload.objects.filter(user_id=key).count()
        assert User.objects.filter(pk=key).exists() is (ended == "protected")
        assert (left > 0) is (ended == "protected")
        assert rule == "protect" or ended == "deleted"
