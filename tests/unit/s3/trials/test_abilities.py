from base64 import b64encode
from hashlib import sha256
from io import BytesIO

import pytest
from botocore.stub import Stubber

from s3_file_uploader.exceptions import StorageUnavailable
from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.trials import abilities
from s3_file_uploader.s3.trials.abilities import find_abilities
from s3_file_uploader.s3.trials.configuration import RULE, find_rule_ability
from s3_file_uploader.s3.trials.scratch import CONTENT
from s3_file_uploader.values import BUCKET_CORS, CHECKSUMS, CONDITIONAL_DELETES, CONDITIONAL_WRITES, LIFECYCLE
from tests.support.answering import AnsweringServer

CHECKSUM = b64encode(sha256(CONTENT).digest()).decode()
LIFECYCLE_RULE = {"ID": "other", "Status": "Enabled", "Filter": {"Prefix": "a/"}, "Expiration": {"Days": 9}}


def test_find_abilities_of_the_embedded_store(scratch):
    assert find_abilities(scratch) == ["payload_hash_in_urls", "post_forms"]


def test_find_abilities_takes_from_the_settings_what_no_trial_tells(scratch, settings):
    settings.S3_FILE_UPLOADER_STORE = ["bucket_cors"]
    with AnsweringServer({"GET": (403, {}), "PUT": (403, {}), "HEAD": (403, {}), "POST": (403, {})}) as server:
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url
        denied = dict.fromkeys((BUCKET_CORS, LIFECYCLE))
        assert find_abilities(scratch, rules=lambda ability, scratch: denied[ability]) == ["bucket_cors"]


def test_conditions_are_obeyed_by_moto(moto_scratch):
    assert abilities._TRIALS[CONDITIONAL_WRITES](moto_scratch)
    assert "Uploads" not in get_client().list_multipart_uploads(Bucket=moto_scratch.bucket)


def test_conditional_deletes_need_the_right_etag_to_work(moto_scratch):
    with Stubber(get_client()) as stub:
        stub.add_response("put_object", {"ETag": '"a"'})
        stub.add_client_error("delete_object", "PreconditionFailed", http_status_code=412)
        stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
        assert not abilities._TRIALS[CONDITIONAL_DELETES](moto_scratch)


def test_conditional_deletes_are_tried_as_files_are_deleted(moto_scratch):
    quoted = f'"{"0" * 32}"'
    with Stubber(get_client()) as stub:
        stub.add_response("put_object", {"ETag": '"a"'})
        expected = {"Bucket": moto_scratch.bucket, "Key": moto_scratch.key("deleted")}
        stub.add_client_error("delete_object", "PreconditionFailed", expected_params={**expected, "IfMatch": quoted})
        stub.add_response("get_object", {"Body": BytesIO(CONTENT)})
        stub.add_response("delete_object", {}, {**expected, "IfMatch": '"a"'})
        stub.add_client_error("get_object", "NoSuchKey", http_status_code=404)
        assert abilities._TRIALS[CONDITIONAL_DELETES](moto_scratch)


class TestChecksums:
    @pytest.fixture
    def store(self, settings, moto_scratch):
        """Return a server in the place of the store."""
        with AnsweringServer({"POST": [(400, {}), (204, {})]}) as server:
            settings.AWS_S3_ENDPOINT_URL = server.url
            yield server

    @pytest.mark.parametrize(
        ("puts", "kept", "found"),
        [
            ([(400, {}), (200, {})], {"x-amz-checksum-sha256": CHECKSUM}, True),
            ([(400, {}), (200, {})], {}, False),
            ([(200, {})], {}, False),
            ([(400, {})], {}, False),
        ],
    )
    def test_checksums_are_compared_and_kept(self, store, moto_scratch, puts, kept, found):
        store.answers |= {"PUT": puts, "HEAD": (200, kept)}
        assert abilities._TRIALS[CHECKSUMS](moto_scratch) is found

    def test_forms_have_to_be_compared_too(self, store, moto_scratch):
        kept = {"x-amz-checksum-sha256": CHECKSUM}
        store.answers = {"PUT": [(400, {}), (200, {})], "HEAD": (200, kept), "POST": (204, {})}
        assert not abilities._TRIALS[CHECKSUMS](moto_scratch)

    def test_store_that_stops_answering_is_an_error(self, moto_scratch):
        with Stubber(get_client()) as stub, pytest.raises(StorageUnavailable):
            stub.add_client_error("put_object", "SlowDown", http_status_code=503)
            abilities._TRIALS[CHECKSUMS](moto_scratch)


class TestRules:
    @pytest.mark.parametrize("ability", [BUCKET_CORS, LIFECYCLE])
    def test_embedded_store_has_none(self, scratch, ability):
        assert find_rule_ability(ability, scratch) is False

    def test_accepted_rules_are_removed(self, moto_scratch):
        # moto accepts wrong lifecycle rules, and refuses wrong CORS rules.
        for ability in (BUCKET_CORS, LIFECYCLE):
            assert find_rule_ability(ability, moto_scratch) is True
        with Stubber(get_client()) as stub:
            for call in ("get_bucket_cors", "put_bucket_cors", "delete_bucket_cors"):
                stub.add_response(call, {})
            assert find_rule_ability(BUCKET_CORS, moto_scratch) is True
            stub.assert_no_pending_responses()
        assert "Rules" not in lifecycle_of(moto_scratch.bucket)

    def test_refused_rule_is_of_a_store_with_rules(self, moto_scratch):
        with Stubber(get_client()) as stub:
            stub.add_client_error("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration")
            stub.add_client_error("put_bucket_lifecycle_configuration", "InvalidArgument", http_status_code=400)
            assert find_rule_ability(LIFECYCLE, moto_scratch) is True

    def test_existing_rules_stay(self, moto_scratch):
        client, bucket = get_client(), moto_scratch.bucket
        client.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [LIFECYCLE_RULE]})
        cors = {"CORSRules": [{"ID": "other", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors)
        assert find_rule_ability(BUCKET_CORS, moto_scratch) is True
        assert find_rule_ability(LIFECYCLE, moto_scratch) is True
        assert [rule["ID"] for rule in lifecycle_of(bucket)["Rules"]] == ["other"]
        assert [rule["ID"] for rule in client.get_bucket_cors(Bucket=bucket)["CORSRules"]] == ["other"]

    def test_rule_of_a_killed_run_is_removed(self, moto_scratch):
        rule = {**LIFECYCLE_RULE, "ID": RULE}
        get_client().put_bucket_lifecycle_configuration(
            Bucket=moto_scratch.bucket, LifecycleConfiguration={"Rules": [rule]}
        )
        assert find_rule_ability(LIFECYCLE, moto_scratch) is True
        assert "Rules" not in lifecycle_of(moto_scratch.bucket)

    @pytest.mark.parametrize(
        ("code", "status", "found"),
        [("AccessDenied", 403, None), ("MalformedXML", 400, False), ("NotImplemented", 501, False)],
    )
    def test_answer_decides(self, moto_scratch, code, status, found):
        with Stubber(get_client()) as stub:
            stub.add_client_error("get_bucket_cors", "NoSuchCORSConfiguration", http_status_code=404)
            stub.add_client_error("put_bucket_cors", code, http_status_code=status)
            assert find_rule_ability(BUCKET_CORS, moto_scratch) is found


def lifecycle_of(bucket):
    try:
        return get_client().get_bucket_lifecycle_configuration(Bucket=bucket)
    except get_client().exceptions.ClientError:
        return {}
