import pytest
from django.contrib.auth.models import AnonymousUser

from s3_file_uploader.exceptions import InvalidField, NotYourFile
from s3_file_uploader.policy.users import is_staff, resolve_owner


@pytest.mark.parametrize("user_id", [None, ""])
def test_nobody_named_is_the_caller(user, user_id):
    assert resolve_owner(caller=user, user_id=user_id) == user


def test_whoever_has_no_primary_key_owns_nothing(db):
    with pytest.raises(NotYourFile):
        resolve_owner(caller=AnonymousUser(), user_id="")


def test_oneself_in_another_spelling(user):
    assert resolve_owner(caller=user, user_id=f"0{user.pk}") == user


def test_oneself(user):
    assert resolve_owner(caller=user, user_id=str(user.pk)) == user
    assert resolve_owner(caller=user, user_id=user.pk) == user


@pytest.mark.parametrize("user_id", ["999999", "x", "-1"])
def test_a_user_learns_nothing_of_others(user, other, user_id):
    for named in (user_id, other.pk):
        with pytest.raises(NotYourFile):
            resolve_owner(caller=user, user_id=named)


def test_staff_act_for_others(staff, user):
    assert resolve_owner(caller=staff, user_id=str(user.pk)) == user


@pytest.mark.parametrize("user_id", ["999999", "x", "1.5", "9" * 30, [], {"a": 1}])
def test_staff_are_told_of_a_user_who_does_not_exist(staff, user_id):
    with pytest.raises(InvalidField) as caught:
        resolve_owner(caller=staff, user_id=user_id)
    assert caught.value.field == "user_id"


def test_a_user_model_without_staff():
    assert is_staff(object()) is False
