"""`manage.py s3_doctor` against real stores, keys of less rights, and a real server."""

import io
import json

import pytest
from django.core.management import call_command

from s3_file_uploader.s3.client import get_client
from tests.integration.conftest import new_bucket

APP = "https://app.example.com"
ABILITIES = {
    "juicefs": ["payload_hash_in_urls", "post_forms"],
    "seaweedfs": [
        *("bucket_cors", "checksum_trailers", "checksums", "conditional_deletes", "conditional_writes"),
        *("lifecycle", "post_forms"),
    ],
}
pytestmark = pytest.mark.django_db(transaction=True)


def examined(*arguments):
    """Return the diagnoses by their names, and the exit status."""
    out, status = io.StringIO(), 0
    try:
        call_command("s3_doctor", *arguments, "--json", stdout=out)
    except SystemExit as exited:
        status = exited.code
    return {diagnosis["name"]: diagnosis for diagnosis in json.loads(out.getvalue())["diagnoses"]}, status


def use_keys(own_settings, variables):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        setattr(own_settings, name, variables[name])


def keys_in(bucket):
    return [listed["Key"] for listed in get_client().list_objects_v2(Bucket=bucket).get("Contents", ())]


def statuses(diagnoses):
    return {name: diagnosis["status"] for name, diagnosis in diagnoses.items() if diagnosis["status"] != "ok"}


def test_doctor_finds_the_abilities_and_leaves_nothing(bucket_of_each_store, each_store, own_settings):
    get_client().put_object(Bucket=bucket_of_each_store, Key="file", Body=b"of a user")
    call_command("s3_housekeeping", verbosity=0)
    own_settings.S3_FILE_UPLOADER_ABORT_MULTIPART_DAYS = None
    own_settings.S3_FILE_UPLOADER_STORE = []
    diagnoses, status = examined(bucket_of_each_store)
    abilities = ABILITIES[each_store]
    assert (status, statuses(diagnoses)) == (0, {"abilities": "warning", "address": "not tried"})
    assert diagnoses["abilities"]["advice"] == f"S3_FILE_UPLOADER_STORE = {json.dumps(abilities)}"
    own_settings.S3_FILE_UPLOADER_STORE = abilities
    diagnoses, status = examined(bucket_of_each_store)
    assert (status, statuses(diagnoses)) == (0, {"address": "not tried"})
    assert keys_in(bucket_of_each_store) == ["file"]
    assert "Uploads" not in get_client().list_multipart_uploads(Bucket=bucket_of_each_store)


def test_fix_sets_both_rules_and_keeps_the_others(seaweedfs, own_settings):
    own_settings.S3_FILE_UPLOADER_CORS_ORIGINS = [APP]
    bucket, client = new_bucket(), get_client()
    rule = {"ID": "logs", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 30}}
    client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    diagnoses, status = examined(bucket)
    assert (status, diagnoses["CORS"]["status"], diagnoses["lifecycle"]["status"]) == (1, "failure", "warning")
    diagnoses, status = examined(bucket, "--fix")
    assert (status, diagnoses["CORS"]["status"]) == (0, "ok")
    diagnoses, _ = examined(bucket)
    assert diagnoses["CORS"]["seen"] == f"pages of {APP} can upload and read"
    rules = client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert sorted(rule["ID"] for rule in rules) == ["logs", "s3-file-uploader"]


def test_key_that_may_only_read_fails_at_the_first_right(seaweedfs, own_settings):
    bucket = new_bucket()
    use_keys(own_settings, seaweedfs.environment("reader"))
    diagnoses, status = examined(bucket)
    assert (status, diagnoses["rights"]["seen"]) == (1, "S3 denies s3:PutObject")
    assert diagnoses["abilities"]["seen"] == "needs: rights"
    use_keys(own_settings, seaweedfs.environment())
    assert keys_in(bucket) == []


def test_bucket_of_another_fails(seaweedfs, own_settings):
    bucket = new_bucket()
    use_keys(own_settings, seaweedfs.environment("stranger"))
    diagnoses, status = examined(bucket)
    assert (status, diagnoses["bucket"]["status"]) == (1, "failure")
    assert "It belongs to another account" in diagnoses["bucket"]["seen"]
    assert diagnoses["rights"]["seen"] == "needs: bucket"


def test_missing_bucket_stays_missing(each_store):
    diagnoses, status = examined("missing-bucket")
    assert (status, diagnoses["bucket"]["seen"]) == (1, "there is no bucket missing-bucket in this store")
    assert "missing-bucket" not in [bucket["Name"] for bucket in get_client().list_buckets()["Buckets"]]


def test_wrong_secret_is_named(bucket_of_each_store, own_settings):
    own_settings.AWS_STORAGE_REGION = "eu-west-1"  # Both stores accept the signatures of any region.
    own_settings.AWS_SECRET_ACCESS_KEY = "test-of-another-store"
    diagnoses, status = examined(bucket_of_each_store)
    assert status == 1
    assert diagnoses["keys"]["seen"].endswith("SignatureDoesNotMatch (403)")


def test_address_of_a_running_server_is_ok(bucket, served):
    diagnoses, status = examined(bucket, "--url", served.url)
    assert (status, diagnoses["address"]["status"], diagnoses["proxy"]["status"]) == (0, "ok", "ok")
    assert diagnoses["proxy"]["seen"] == "passes bodies on while they arrive"
