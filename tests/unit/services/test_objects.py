import pytest
from botocore.stub import Stubber

from s3_file_uploader import s3
from s3_file_uploader.exceptions import BucketNotAllowed, InvalidBucketName, InvalidField, StorageUnsupported
from s3_file_uploader.services import object_list
from tests.unit.services.conftest import stored_file

pytestmark = pytest.mark.django_db


def test_staff_see_what_has_no_record_and_others_their_own(bucket, user, other, staff):
    stored_file(user, bucket, "mine")
    stored_file(other, bucket, "theirs")
    s3.client().put_object(Bucket=bucket, Key="stray", Body=b"stray")
    seen = {
        person: [found.file_name for found in object_list(user=person, bucket=bucket).objects]
        for person in (user, other, staff)
    }
    assert seen == {user: ["mine"], other: ["theirs"], staff: ["mine", "stray", "theirs"]}


def test_a_bucket_that_is_not_for_everybody(bucket, user, settings):
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = ["another"]
    with pytest.raises(BucketNotAllowed):
        object_list(user=user, bucket=bucket)
    with pytest.raises(InvalidBucketName):
        object_list(user=user, bucket="No Bucket")


def test_folders_are_for_staff(bucket, user, staff):
    stored_file(user, bucket, "folder/file")
    assert object_list(user=staff, bucket=bucket, delimiter="/").prefixes == ("folder/",)
    with pytest.raises(InvalidField, match="only staff"):
        object_list(user=user, bucket=bucket, delimiter="/")


@pytest.mark.parametrize(("cursor", "error"), [("cursor", InvalidField), ("", StorageUnsupported)])
def test_what_s3_does_not_understand_is_the_cursor_if_there_is_one(bucket, staff, cursor, error):
    with Stubber(s3.client()) as stub, pytest.raises(error):
        stub.add_client_error("list_objects_v2", "InvalidArgument", http_status_code=400)
        object_list(user=staff, bucket=bucket, cursor=cursor)
