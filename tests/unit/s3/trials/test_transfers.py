import httpx
import pytest
from botocore.stub import Stubber

from s3_file_uploader.s3.client import get_client
from s3_file_uploader.s3.trials import transfers
from s3_file_uploader.s3.trials.scratch import CONTENT, Scratch
from tests.support.answering import AnsweringServer
from tests.support.moto_server import MotoServer
from tests.support.scripted_store import build_error

FIND = {
    "multipart": transfers.find_multipart_problem,
    "range": transfers.find_range_problem,
    "url": transfers.find_url_problem,
    "form": transfers.find_form_problem,
}


@pytest.fixture
def careless(settings):
    """Return scratch objects in a store that checks no signatures."""
    with MotoServer(access_key_id="test-id", secret_access_key="test-secret") as store:
        for name, value in store.environment().items():
            setattr(settings, name, value)
        get_client().create_bucket(Bucket="bucket-one")
        yield Scratch("bucket-one")


@pytest.fixture
def clients_meet(settings):
    """Return a function that puts a server of the test at the public endpoint."""
    with AnsweringServer({}) as server:
        settings.AWS_S3_PUBLIC_ENDPOINT_URL = server.url

        def meet(content=b"", **answers):
            server.answers, server.content = answers, content

        yield meet


@pytest.mark.parametrize("name", FIND)
def test_real_store_has_no_problem(scratch, name):
    assert FIND[name](scratch) == ""


def test_real_store_is_private(scratch):
    assert not transfers.is_public(scratch)


def test_public_object_is_found(scratch, clients_meet):
    clients_meet(CONTENT, GET=(200, {}))
    assert transfers.is_public(scratch)


class TestMultipart:
    def test_store_without_multipart_uploads(self, moto_scratch):
        with Stubber(get_client()) as stub:
            stub.add_client_error("create_multipart_upload", "NotImplemented", http_status_code=501)
            assert transfers.find_multipart_problem(moto_scratch) == "the store has no multipart uploads"

    @pytest.mark.parametrize(
        ("head", "problem"),
        [
            ({"ContentLength": 3, "ETag": '"a"'}, "the object has other bytes than its parts"),
            ({"ContentLength": len(CONTENT)}, "the store reports no ETag"),
        ],
    )
    def test_store_with_a_wrong_object(self, moto_scratch, head, problem):
        moto_scratch.put("whole")
        body = get_client().get_object(**moto_scratch.at("whole"))["Body"]
        with Stubber(get_client()) as stub:
            stub.add_response("create_multipart_upload", {"UploadId": "id"})
            stub.add_response("upload_part", {"ETag": '"a"'})
            stub.add_response("complete_multipart_upload", {})
            stub.add_response("head_object", head)
            stub.add_response("get_object", {"Body": body})
            assert transfers.find_multipart_problem(moto_scratch) == problem


class TestRange:
    def test_store_that_ignores_ranges(self, moto_scratch):
        moto_scratch.put("range")
        body = get_client().get_object(**moto_scratch.at("range"))["Body"]
        with Stubber(get_client()) as stub:
            stub.add_response("put_object", {})
            stub.add_response("get_object", {"Body": body})
            assert transfers.find_range_problem(moto_scratch) == "the store ignores Range"

    def test_store_that_ignores_ranges_of_signed_urls(self, scratch, clients_meet):
        clients_meet(CONTENT, GET=(200, {}))
        assert transfers.find_range_problem(scratch) == "a signed URL with Range is answered with 200"


class TestUrls:
    def test_refused_get_names_the_code(self, scratch, clients_meet):
        clients_meet(build_error("SignatureDoesNotMatch"), GET=(403, {}))
        assert transfers.find_url_problem(scratch) == "a signed GET is answered with 403 SignatureDoesNotMatch"

    def test_refused_put_names_the_status(self, scratch, clients_meet):
        clients_meet(CONTENT, GET=(200, {}), PUT=(403, {}))
        assert transfers.find_url_problem(scratch) == "a signed PUT is answered with 403"

    def test_store_that_checks_no_signatures_has_a_hole(self, careless):
        assert httpx.get(get_client().meta.endpoint_url).status_code == 200
        assert transfers.find_url_problem(careless) == "an expired URL still works"

    def test_store_that_checks_only_the_time_has_a_hole(self, scratch, clients_meet):
        clients_meet(CONTENT, GET=[(200, {}), (403, {}), (200, {})], PUT=(200, {}))
        assert transfers.find_url_problem(scratch) == "a URL works for another file than the signed one"

    def test_store_that_ignores_the_size_has_a_hole(self, scratch, clients_meet):
        clients_meet(CONTENT, GET=[(200, {}), (403, {})], PUT=(200, {}))
        assert transfers.find_url_problem(scratch) == "a signed size is not enforced"


class TestForms:
    def test_store_without_forms_names_its_answer(self, scratch, clients_meet):
        clients_meet(build_error("NotImplemented"), POST=(501, {}))
        assert transfers.find_form_problem(scratch) == "a form is answered with 501 NotImplemented"

    def test_store_that_takes_larger_files(self, scratch, clients_meet):
        clients_meet(POST=(204, {}))
        scratch.put("posted")
        assert transfers.find_form_problem(scratch) == "a form takes a larger file than it allows"
