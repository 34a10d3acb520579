from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from s3_file_uploader.exceptions import InvalidField, UploadTokenNotFound
from s3_file_uploader.models import UploadToken
from s3_file_uploader.services import (
    housekeeping_run,
    upload_token_create,
    upload_token_find,
    upload_token_list,
    upload_token_revoke,
)

HOUR = timedelta(hours=1)


def made(user, seconds=3600):
    return upload_token_create(user=user, expires_in_seconds=seconds)


def expire(token):
    UploadToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())


def test_find_by_text_returns_the_token(user):
    token = made(user)
    assert upload_token_find(text=token.text) == token
    assert token.user == user
    assert abs(token.expires_at - timezone.now() - HOUR) < timedelta(minutes=1)
    assert token.text not in repr(list(UploadToken.objects.values()))
    assert str(token) == str(token.pk)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("A" if text[-1] != "A" else "B"),
        lambda text: text[:-1],
        lambda text: text.upper(),
        lambda text: f"{uuid4().hex}.{text.partition('.')[2]}",
        lambda text: text.partition(".")[0],
        lambda text: "",
        lambda text: "😀",
        lambda text: f"{text}.{text}",
    ],
)
def test_find_forged_token_returns_none(user, change):
    assert upload_token_find(text=change(made(user).text)) is None


def test_find_after_the_secret_key_changed_returns_none(user, settings):
    text = made(user).text
    settings.SECRET_KEY = "test-another-key"
    assert upload_token_find(text=text) is None


def test_find_expired_token_returns_none(user):
    token = made(user)
    expire(token)
    assert upload_token_find(text=token.text) is None


def test_find_token_of_an_inactive_user_returns_none(user):
    token = made(user)
    user.is_active = False
    user.save()
    assert upload_token_find(text=token.text) is None


def test_find_token_of_a_deleted_user_returns_none(user):
    token = made(user)
    user.delete()
    assert upload_token_find(text=token.text) is None
    assert not UploadToken.objects.exists()


def test_find_revoked_token_returns_none(user):
    token, other = made(user), made(user)
    upload_token_revoke(user=user, token_id=token.pk)
    assert upload_token_find(text=token.text) is None
    assert upload_token_find(text=other.text) == other
    revoked_at = UploadToken.objects.get(pk=token.pk).revoked_at
    upload_token_revoke(user=user, token_id=str(token.pk))
    assert UploadToken.objects.get(pk=token.pk).revoked_at == revoked_at


def test_list_and_revoke_see_only_own_tokens(user, other, staff):
    first, second, theirs = made(user), made(user), made(other)
    assert list(upload_token_list(user=user)) == [second, first]
    for person in (user, staff):
        with pytest.raises(UploadTokenNotFound, match="list of your tokens"):
            upload_token_revoke(user=person, token_id=theirs.pk)
    assert upload_token_find(text=theirs.text) == theirs


@pytest.mark.parametrize("token_id", ["", "1", "not-a-uuid", uuid4()])
def test_revoke_malformed_id_is_not_found(user, token_id):
    with pytest.raises(UploadTokenNotFound):
        upload_token_revoke(user=user, token_id=token_id)


@pytest.mark.parametrize("seconds", [-1, 0, 86_401, 10**30])
def test_create_out_of_range_is_refused(user, seconds):
    with pytest.raises(InvalidField, match="Give 1 to 86400 seconds") as refused:
        made(user, seconds)
    assert refused.value.field == "expires_in"


def test_create_maximum_is_a_setting(user, settings):
    settings.S3_FILE_UPLOADER_UPPY_TOKEN_MAX_SECONDS = 7 * 86_400
    assert made(user, 7 * 86_400).expires_at > timezone.now() + timedelta(days=6)


def test_create_removes_expired_tokens(user, other):
    mine, theirs = made(user), made(other)
    expire(mine)
    expire(theirs)
    young = made(user)
    assert set(UploadToken.objects.all()) == {young, theirs}


def test_housekeeping_removes_expired_tokens(user, other):
    mine, theirs = made(user), made(other)
    expire(theirs)
    assert housekeeping_run().upload_tokens_forgotten == 1
    assert UploadToken.objects.get() == mine
