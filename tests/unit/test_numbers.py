import pytest
from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from s3_file_uploader.serializers import PageSerializer, PartsWantedSerializer, PresignSerializer

ODD = ["1_000", "", " 5", "5 ", "\u0665", "1.0", "+5", "1e3", "0x10", "-", "true"]


def read(serializer, **data):
    return serializer().run_validation(data)


@pytest.mark.parametrize("number", ODD)
@pytest.mark.parametrize("kind", [dict, QueryDict])
def test_whole_number_that_is_not_plain_digits_is_refused_in_queries_and_bodies(number, kind):
    data = {"file_name": "a", "bucket": "bucket-one", "expiration": number}
    if kind is QueryDict:
        query = QueryDict(mutable=True)
        query.update(data)
        data = query
    with pytest.raises(ValidationError) as raised:
        PresignSerializer().run_validation(data)
    assert list(raised.value.detail) == ["expiration"]


@pytest.mark.parametrize("number", [True, 5.0, [5], None])
def test_whole_number_of_json_that_is_none_is_refused(number):
    with pytest.raises(ValidationError):
        read(PageSerializer, page_size=number)
    with pytest.raises(ValidationError):
        read(PartsWantedSerializer, part_numbers=[number])


@pytest.mark.parametrize("number", ["5", 5, "0005"])
def test_whole_number_in_plain_digits_is_read(number):
    assert read(PageSerializer, page_size=number)["page_size"] == 5


def test_whole_number_out_of_range_is_told_so():
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        read(PageSerializer, page_size="-5")


def test_whole_number_that_is_left_out_has_its_default():
    assert read(PageSerializer)["page_size"] == 100
