import re
from pathlib import Path

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from s3_file_uploader import conf as conf_module
from s3_file_uploader.checks import scanners as scanners_checks
from s3_file_uploader.checks import settings as settings_checks
from s3_file_uploader.checks.store import check_endpoints
from s3_file_uploader.conf import conf
from s3_file_uploader.exceptions import StorageNotConfigured
from s3_file_uploader.values import ABILITIES
from tests.support.host import ROOT

SETTINGS = ROOT / "docs" / "reference" / "settings.md"


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("AWS_STORAGE_REGION", "region"),
        ("AWS_ACCESS_KEY_ID", "access_key_id"),
        ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
        ("AWS_SESSION_TOKEN", "session_token"),
        ("AWS_S3_ENDPOINT_URL", "endpoint_url"),
        ("AWS_S3_PUBLIC_ENDPOINT_URL", "public_endpoint_url"),
        ("AWS_S3_ADDRESSING_STYLE", "addressing_style"),
    ],
)
def test_conf_prefers_settings_over_the_environment(settings, monkeypatch, name, attribute):
    monkeypatch.setenv(name, "from-environment")
    setattr(settings, name, "from-settings")
    assert getattr(conf, attribute) == "from-settings"
    setattr(settings, name, "")
    assert getattr(conf, attribute) == "from-environment"
    delattr(settings, name)
    assert getattr(conf, attribute) == "from-environment"


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_conf_region_comes_from_settings_or_environment(settings, monkeypatch, name):
    settings.AWS_STORAGE_REGION = ""
    with pytest.raises(StorageNotConfigured, match="AWS_STORAGE_REGION"):
        conf.region  # noqa: B018
    settings.AWS_S3_ENDPOINT_URL = "http://store.example"
    assert conf.region == "us-east-1"
    monkeypatch.setenv(name, "eu-north-1")
    assert conf.region == "eu-north-1"


def test_conf_public_endpoint_defaults_to_the_private_one(settings):
    assert conf.public_endpoint_url is None
    settings.AWS_S3_ENDPOINT_URL = "http://inside"
    assert conf.public_endpoint_url == "http://inside"
    settings.AWS_S3_PUBLIC_ENDPOINT_URL = "https://outside"
    assert conf.public_endpoint_url == "https://outside"


def test_conf_download_folder_without_a_setting_raises(settings):
    settings.PATH_TO_SAVE_FILE = "/srv/files"
    assert conf.download_folder == Path("/srv/files")
    settings.PATH_TO_SAVE_FILE = ""
    with pytest.raises(StorageNotConfigured, match="PATH_TO_SAVE_FILE"):
        conf.download_folder  # noqa: B018


def test_conf_download_limits_may_be_none(settings):
    assert (conf.download_max_bytes, conf.download_days) == (10 * 2**30, 30)
    settings.S3_FILE_UPLOADER_DOWNLOAD_MAX_BYTES = settings.S3_FILE_UPLOADER_DOWNLOAD_DAYS = None
    assert (conf.download_max_bytes, conf.download_days) == (None, None)


@pytest.mark.parametrize(
    ("allowed", "open_to_all"),
    [(None, True), ([], False), (["photos"], True), (["photo-*"], False), (["ph*"], True), (["PHOTOS"], False)],
)
def test_conf_allowed_buckets_are_names_or_patterns(settings, allowed, open_to_all):
    settings.S3_FILE_UPLOADER_ALLOWED_BUCKETS = allowed
    assert conf.bucket_is_allowed("photos") is open_to_all


def test_page_of_settings_lists_each_setting():
    listed = set(re.findall(r"^\| `S3_FILE_UPLOADER_([A-Z_]+)` \|", SETTINGS.read_text(), re.MULTILINE))
    read = set(re.findall(r'_own\(\s*"([A-Z_]+)"', Path(conf_module.__file__).read_text()))
    assert listed == read == conf_module.OWN_NAMES
    for name in re.findall(r'_text\("([A-Z0-9_]+)"', Path(conf_module.__file__).read_text()):
        assert f"`{name}`" in SETTINGS.read_text()


def test_conf_number_has_a_range_in_the_checks():
    numbers = {
        name
        for name, member in vars(type(conf)).items()
        if isinstance(member, property) and re.search(r"\b(int|float)\b", str(member.fget.__annotations__["return"]))
    }
    with_their_own_check = {"abort_multipart_days", "audit_days"}  # E011 and E035
    derived = {"max_object_bytes"}
    assert numbers == {*settings_checks.NUMBERS, *scanners_checks.NUMBERS, *with_their_own_check, *derived}


@pytest.mark.parametrize(
    ("endpoint", "setting", "signed"),
    [
        (None, None, False),
        ("https://store.example", None, False),
        ("http://127.0.0.1:9000", None, False),
        ("http://[::1]:9000", None, False),
        ("http://localhost:9000", None, False),
        ("http://10.0.0.5:9000", None, True),
        ("http://store.internal", None, True),
        ("http://store.internal", False, False),
        (None, True, True),
    ],
)
def test_conf_signs_parts_without_tls(settings, endpoint, setting, signed):
    settings.AWS_S3_ENDPOINT_URL = endpoint
    settings.S3_FILE_UPLOADER_SIGN_PARTS = setting
    assert conf.sign_parts is signed


names = st.text("ab-*?[]!", max_size=8)


@given(names, st.lists(names, max_size=3))
def test_conf_allows_every_bucket_with_a_star(name, others):
    with override_settings(S3_FILE_UPLOADER_ALLOWED_BUCKETS=[*others, "*"]):
        assert conf.bucket_is_allowed(name)
    with override_settings(S3_FILE_UPLOADER_ALLOWED_BUCKETS=["c"]):
        assert not conf.bucket_is_allowed(name)


addresses = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"https?://[a-z0-9.:\[\]%@-]{0,20}(:[0-9]{0,6})?/?", fullmatch=True),
)


@given(addresses)
def test_check_endpoints_accepts_only_usable_urls(address):
    with override_settings(AWS_S3_ENDPOINT_URL=address):
        if not check_endpoints():
            assert conf.sign_parts in (True, False)


@pytest.mark.parametrize(
    ("variables", "name", "address"),
    [
        ({}, "AWS_S3_ENDPOINT_URL", None),
        ({"AWS_ENDPOINT_URL": "http://all"}, "AWS_ENDPOINT_URL", "http://all"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": ""}, "AWS_ENDPOINT_URL", "http://all"),
        ({"AWS_ENDPOINT_URL": "http://all", "AWS_ENDPOINT_URL_S3": "http://s3"}, "AWS_ENDPOINT_URL_S3", "http://s3"),
        (
            {"AWS_ENDPOINT_URL_S3": "http://s3", "AWS_S3_ENDPOINT_URL": "http://own"},
            "AWS_S3_ENDPOINT_URL",
            "http://own",
        ),
        (
            {"AWS_ENDPOINT_URL_S3": "http://s3", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "True"},
            "AWS_S3_ENDPOINT_URL",
            None,
        ),
        (
            {"AWS_S3_ENDPOINT_URL": "http://own", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            "AWS_S3_ENDPOINT_URL",
            "http://own",
        ),
    ],
)
def test_conf_endpoint_url_without_a_setting_is_that_of_aws(monkeypatch, variables, name, address):
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    assert (conf.endpoint_name, conf.endpoint_url) == (name, address)
    assert (conf.public_endpoint_url, conf.is_aws) == (address, address is None)


@pytest.mark.parametrize("name", ["AWS_S3_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_S3_PUBLIC_ENDPOINT_URL"])
def test_check_endpoints_names_the_wrong_variable_alone(monkeypatch, name):
    monkeypatch.setenv(name, "store")
    assert [message.msg for message in check_endpoints()] == [f"{name} is not the URL of a store."]


def list_abilities():
    return {ability for ability in ABILITIES if conf.store_can(ability)}


def test_conf_store_can_on_aws_do_everything(settings):
    assert list_abilities() == ABILITIES
    settings.AWS_S3_ENDPOINT_URL = "http://store.example"
    assert list_abilities() == {"post_forms", "bucket_cors", "lifecycle"}
    settings.S3_FILE_UPLOADER_STORE = ["checksums"]
    assert list_abilities() == {"checksums"}


@pytest.mark.parametrize(
    ("address", "is_aws"),
    [
        (None, True),
        ("https://s3.eu-west-1.amazonaws.com", True),
        ("https://bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com", True),
        ("https://s3.dualstack.cn-north-1.amazonaws.com.cn", True),
        ("https://s3.dualstack.us-east-1.api.aws", True),
        ("https://s3-fips.us-east-1.amazonaws.com", True),
        ("https://minio-1.eu-west-1.elb.amazonaws.com", False),
        ("https://s3.example.com", False),
        ("https://notamazonaws.com", False),
        ("https://amazonaws.com.example", False),
        ("https://store.example", False),
        ("store", False),
        ("http://[", False),
    ],
)
def test_conf_is_aws_with_an_endpoint_of_aws(settings, address, is_aws):
    settings.AWS_S3_ENDPOINT_URL = address
    assert (conf.is_aws, conf.addressing_style) == ((True, "virtual") if is_aws else (False, "path"))
    assert conf.store_can("conditional_writes") is is_aws


@pytest.mark.parametrize(
    ("abilities", "largest", "strategies"),
    [
        (["large_objects"], 10_000 * 5 * 2**30, ("put", "multipart")),
        (["post_forms"], 5 * 2**40, ("put", "post", "multipart")),
    ],
)
def test_conf_derives_limits_from_the_abilities(settings, abilities, largest, strategies):
    settings.S3_FILE_UPLOADER_STORE = abilities
    assert (conf.max_object_bytes, conf.direct_strategies) == (largest, strategies)
