import re

import pytest
from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from s3_file_uploader.api.serializers.direct_uploads import PartNumbersSerializer
from s3_file_uploader.api.serializers.numbers import whole_number
from s3_file_uploader.api.serializers.requests import PageSerializer, PresignSerializer
from s3_file_uploader.exceptions import NotYourFile
from s3_file_uploader.policy.users import resolve_owner

ODD = ["1_000", "", " 5", "5 ", "\u0665", "1.0", "+5", "1e3", "0x10", "-", "true"]


def read(serializer, **data):
    return serializer().run_validation(data)


@pytest.mark.parametrize("number", ODD)
@pytest.mark.parametrize("kind", [dict, QueryDict])
def test_whole_number_without_plain_digits_is_invalid(number, kind):
    data = {"file_name": "a", "bucket": "bucket-one", "expiration": number}
    if kind is QueryDict:
        query = QueryDict(mutable=True)
        query.update(data)
        data = query
    with pytest.raises(ValidationError) as raised:
        PresignSerializer().run_validation(data)
    assert list(raised.value.detail) == ["expiration"]


@pytest.mark.parametrize("number", [True, 5.0, [5], None])
def test_whole_number_of_another_json_type_is_invalid(number):
    with pytest.raises(ValidationError):
        read(PageSerializer, page_size=number)
    with pytest.raises(ValidationError):
        read(PartNumbersSerializer, part_numbers=[number])


@pytest.mark.parametrize("number", ["5", 5, "0005"])
def test_whole_number_in_plain_digits_is_valid(number):
    assert read(PageSerializer, page_size=number)["page_size"] == 5


def test_whole_number_out_of_range_is_invalid():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        read(PageSerializer, page_size="-5")


def test_whole_number_left_out_has_its_default():
    assert read(PageSerializer)["page_size"] == 100


@pytest.mark.parametrize("number", ODD)
def test_whole_number_in_address_without_plain_digits_is_invalid(number):
    with pytest.raises(ValueError, match=f"^{re.escape(number)}$"):
        whole_number(number)


def test_user_id_in_other_digits_is_not_the_caller(user):
    assert resolve_owner(caller=user, user_id=str(user.pk)) == user
    for text in (f"0_{user.pk}", f" {user.pk}", chr(0x660 + user.pk % 10)):
        with pytest.raises(NotYourFile):
            resolve_owner(caller=user, user_id=text)
