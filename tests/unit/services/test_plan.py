from uuid import UUID

import pytest

from s3_file_uploader.exceptions import FileTooLarge, InvalidField
from s3_file_uploader.policy.bucket_policy import Policy
from s3_file_uploader.services.plan import (
    build_direct_key,
    choose_part_size,
    choose_strategy,
    count_parts,
    find_direct_id,
    is_direct_key,
    is_folder_of_direct_keys,
    part_sizes,
)
from s3_file_uploader.values import MAX_OBJECT_BYTES, MAX_PARTS, MAX_PUT_BYTES, gib, mib, tib


@pytest.mark.parametrize(
    ("size", "wish", "chosen"),
    [
        (0, "auto", "put"),
        (1, "auto", "put"),
        (mib(16) - 1, "auto", "put"),
        (mib(16), "auto", "multipart"),
        (None, "auto", "multipart"),
        (MAX_OBJECT_BYTES, "auto", "multipart"),
        (0, "put", "put"),
        (0, "post", "post"),
        (0, "multipart", "put"),
        (1, "multipart", "multipart"),
        (MAX_PUT_BYTES, "put", "put"),
        (MAX_PUT_BYTES, "post", "post"),
        (None, "put", "put"),
        (None, "post", "post"),
    ],
)
def test_choose_strategy_by_size_and_wish(size, wish, chosen):
    assert choose_strategy(size=size, wish=wish) == chosen


@pytest.mark.parametrize(
    ("possible", "size", "chosen"),
    [
        (["post"], 0, "post"),
        (["post"], mib(100), "post"),
        (["post", "put"], mib(100), "put"),
        (["multipart"], 0, "multipart"),
        (["multipart"], 1, "multipart"),
        (["multipart", "post"], 1, "post"),
        (["multipart", "post"], None, "multipart"),
    ],
)
def test_choose_strategy_by_abilities_of_the_store(settings, possible, size, chosen):
    settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = possible
    assert choose_strategy(size=size, wish="auto") == chosen


def test_choose_strategy_threshold_is_a_setting(settings):
    settings.S3_FILE_UPLOADER_DIRECT_MULTIPART_FROM_BYTES = 0
    assert (choose_strategy(size=1, wish="auto"), choose_strategy(size=0, wish="auto")) == ("multipart", "put")
    settings.S3_FILE_UPLOADER_DIRECT_MULTIPART_FROM_BYTES = MAX_PUT_BYTES
    assert choose_strategy(size=MAX_PUT_BYTES - 1, wish="auto") == "put"
    assert choose_strategy(size=MAX_PUT_BYTES + 1, wish="auto") == "multipart"


@pytest.mark.parametrize("wish", ["put", "post"])
def test_choose_strategy_beyond_one_request_is_refused(settings, wish):
    with pytest.raises(InvalidField, match="choose multipart or auto") as refused:
        choose_strategy(size=MAX_PUT_BYTES + 1, wish=wish)
    assert refused.value.field == "strategy"
    settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = ["put", "post"]
    with pytest.raises(FileTooLarge, match=str(gib(5))):
        choose_strategy(size=MAX_PUT_BYTES + 1, wish="auto")


def test_choose_strategy_the_store_lacks_is_refused(settings):
    settings.S3_FILE_UPLOADER_DIRECT_STRATEGIES = ["put", "multipart"]
    with pytest.raises(InvalidField, match="choose one of auto, put, multipart") as refused:
        choose_strategy(size=1, wish="post")
    assert refused.value.field == "strategy"


@pytest.mark.parametrize(
    ("size", "part_size"),
    [
        (None, mib(8)),
        (1, mib(8)),
        (mib(8) * 32, mib(8)),
        (mib(8) * 32 + 1, mib(9)),
        (mib(9) * 32, mib(9)),
        (gib(1), mib(32)),
        (gib(1) + 1, mib(32)),
        (mib(32) * MAX_PARTS, mib(32)),
        (mib(32) * MAX_PARTS + 1, mib(33)),
        (mib(33) * MAX_PARTS, mib(33)),
        (tib(5), mib(525)),
        (MAX_OBJECT_BYTES, gib(5)),
    ],
)
def test_choose_part_size_fits_ten_thousand_parts(size, part_size):
    assert choose_part_size(size) == part_size
    assert count_parts(size=size or 1, part_size=part_size) <= MAX_PARTS


def test_choose_part_size_is_a_setting(settings):
    settings.S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = gib(5)
    assert (choose_part_size(1), choose_part_size(None), choose_part_size(MAX_OBJECT_BYTES)) == (gib(5), gib(5), gib(5))
    settings.S3_FILE_UPLOADER_DIRECT_PART_SIZE_BYTES = mib(5)
    assert [choose_part_size(size) for size in (1, gib(1), mib(5) * MAX_PARTS + 1)] == [mib(5), mib(5), mib(6)]


@pytest.mark.parametrize(
    ("size", "sizes"), [(0, [0]), (1, [1]), (9, [9]), (10, [10]), (11, [10, 1]), (20, [10, 10]), (21, [10, 10, 1])]
)
def test_part_sizes_add_up_to_the_file(size, sizes):
    assert list(part_sizes(size=size, part_size=10)) == sizes
    assert count_parts(size=size, part_size=10) == len(sizes)


UPLOAD_ID = UUID("0b6e4a52-6f0d-4b9e-8a57-0d6a2f0c1f11")


@pytest.mark.parametrize("prefix", ["uploads/", "", "a/b/"])
def test_is_direct_key_of_a_direct_key_is_true(settings, prefix):
    settings.S3_FILE_UPLOADER_DIRECT_PREFIX = prefix
    assert is_direct_key(build_direct_key(Policy(), UPLOAD_ID, "a/b.txt"))


@pytest.mark.parametrize("owner", ["7", "0b6e4a52-6f0d-4b9e-8a57-0d6a2f0c1f12"])
@pytest.mark.parametrize("prefix", ["uploads/", "a/b/"])
def test_is_direct_key_behind_a_key_prefix_is_true(settings, prefix, owner):
    settings.S3_FILE_UPLOADER_DIRECT_PREFIX = prefix
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"key_prefix": "users/{user_id}/"}}
    key = build_direct_key(Policy(key_prefix=f"users/{owner}/"), UPLOAD_ID, f"a/{prefix}{owner}/b.txt")
    assert is_direct_key(key)
    assert find_direct_id(key) == str(UPLOAD_ID)
    assert not is_direct_key(f"backup/{key}")
    assert find_direct_id(f"made/by/a/callable/{key}") == str(UPLOAD_ID)


@pytest.mark.parametrize(
    "key",
    [
        *("uploads/file", "uploads/not-an-id/file", f"other/{UPLOAD_ID}/file", f"{UPLOAD_ID}/file"),
        *(f"uploads/{UPLOAD_ID}", f"uploads/{UPLOAD_ID.hex}/file", f"uploads/{str(UPLOAD_ID).upper()}/file"),
    ],
)
def test_is_direct_key_of_other_keys_is_false(key):
    assert not is_direct_key(key)


SOME_ID = "0b9e2b1c-3f5d-4b5a-9a4e-2d8f1c7a6e53"


@pytest.mark.parametrize(
    ("prefix", "key_prefix", "folders", "others"),
    [
        ("uploads/", None, ["uploads", f"uploads/{SOME_ID}"], ["upload", "uploads/a", "a/uploads", SOME_ID]),
        ("a/b/", None, ["a", "a/b", f"a/b/{SOME_ID}"], ["b", "a/c"]),
        ("", None, [SOME_ID], ["a", SOME_ID[1:]]),
        (
            "uploads/",
            "users/{user_id}/",
            ["users", "users/7", "users/7/uploads", f"users/7/uploads/{SOME_ID}", "uploads"],
            ["user", "users/7/a", "users/7/8/uploads"],
        ),
        ("uploads/", "photos-", ["photos-uploads", f"photos-uploads/{SOME_ID}"], ["photos-", "photos"]),
        ("", "of{user_id}-", [f"of7-{SOME_ID}"], ["of7-"]),
        ("uploads/", "[^/", ["[^", "[^/uploads"], ["["]),
    ],
)
def test_is_folder_of_direct_keys_is_true_of_each_leading_folder(settings, prefix, key_prefix, folders, others):
    settings.S3_FILE_UPLOADER_DIRECT_PREFIX = prefix
    settings.S3_FILE_UPLOADER_POLICIES = {"*": {"key_prefix": key_prefix}} if key_prefix else {}
    assert [key for key in (*folders, *others) if is_folder_of_direct_keys(key)] == folders
