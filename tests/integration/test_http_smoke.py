import httpx


def test_a_file_comes_back_as_it_went_up(http, user, bucket):
    answer = http(user).post("file/upload/", data={"bucket": bucket}, files={"file": ("a b é.txt", b"hello")})
    assert answer.status_code == 201, answer.text
    url = http(user).get("file/presigned/url/", params={"bucket": bucket, "file_name": "a b é.txt"}).json()["url"]
    assert httpx.get(url).content == b"hello"
