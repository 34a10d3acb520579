import pytest
from django.contrib.auth.models import AnonymousUser

from s3_file_uploader.exceptions import InvalidField, NotYourFile
from s3_file_uploader.policy.users import is_staff, resolve_owner


@pytest.mark.parametrize("user_id", [None, ""])
def test_resolve_owner_without_id_is_caller(user, user_id):
    assert resolve_owner(caller=user, user_id=user_id) == user


def test_resolve_owner_anonymous_is_refused(db):
    with pytest.raises(NotYourFile):
        resolve_owner(caller=AnonymousUser(), user_id="")


def test_resolve_owner_own_id_with_zeros_is_caller(user):
    assert resolve_owner(caller=user, user_id=f"0{user.pk}") == user


def test_resolve_owner_own_id_is_caller(user):
    assert resolve_owner(caller=user, user_id=str(user.pk)) == user
    assert resolve_owner(caller=user, user_id=user.pk) == user


@pytest.mark.parametrize("user_id", ["999999", "x", "-1"])
def test_resolve_owner_other_id_is_refused_existing_or_not(user, other, user_id):
    for named in (user_id, other.pk):
        with pytest.raises(NotYourFile):
            resolve_owner(caller=user, user_id=named)


def test_resolve_owner_staff_gets_other_user(staff, user):
    assert resolve_owner(caller=staff, user_id=str(user.pk)) == user


@pytest.mark.parametrize("user_id", ["999999", "x", "1.5", "9" * 30, [], {"a": 1}])
def test_resolve_owner_staff_with_unknown_id_is_refused(staff, user_id):
    with pytest.raises(InvalidField) as caught:
        resolve_owner(caller=staff, user_id=user_id)
    assert caught.value.field == "user_id"


def test_is_staff_model_without_field_is_false():
    assert is_staff(object()) is False
