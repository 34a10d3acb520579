"""Addresses that are nearly those of a secret: no log shows what stands in them."""

import logging

import pytest
from django.test import Client

SERVICE = "/modules/s3-file-uploader/service/"
SECRET = "secretsecretsecretsecret"
NEARLY = [
    f"/shares/{SECRET}/",
    f"shares//{SECRET}/",
    f"Shares/{SECRET}",
    f"./shares/{SECRET}/",
    f"%2573hares/{SECRET}/",
    f"%73hares//{SECRET}/",
    f"/uppy/token/{SECRET}/s3/params",
    f"uppy//token/{SECRET}/s3/params",
    f"uppy/token//{SECRET}",
    f"UPPY/signed/{SECRET}",
    f"//uppy//signed//{SECRET}/",
    f"shares/./{SECRET}/",
    f"uppy/token/./{SECRET}/s3/params",
    f"uppy/signed/./{SECRET}",
]


@pytest.mark.parametrize("path", NEARLY)
@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_address_that_is_nearly_that_of_a_secret_is_not_logged(db, caplog, path, method):
    with caplog.at_level(logging.DEBUG):
        answer = getattr(Client(), method)(f"{SERVICE}{path}", RAW_URI=f"{SERVICE}{path}")
    assert answer.status_code in (401, 404, 405)
    assert SECRET not in caplog.text
    assert SECRET not in answer.wsgi_request.META["RAW_URI"]


@pytest.mark.parametrize("start", ["//modules/s3-file-uploader/", "/modules//s3-file-uploader/"])
@pytest.mark.parametrize(
    "end", [f"service/shares/{SECRET}/", f"service//uppy//token/{SECRET}/s3/params", f"service/SHARES/{SECRET}//x"]
)
def test_address_with_doubled_slash_above_the_app_is_not_logged(db, caplog, start, end):
    with caplog.at_level(logging.DEBUG):
        answer = Client().get("/", PATH_INFO=f"{start}{end}", RAW_URI=f"{start}{end}")
    assert answer.status_code == 404
    assert SECRET not in caplog.text
    assert SECRET not in answer.wsgi_request.META["RAW_URI"]


@pytest.mark.parametrize("path", [f"{SERVICE}nowhere/", f"/{SERVICE}uploads/nowhere/parts/"])
def test_address_without_a_secret_is_still_logged(db, caplog, path):
    assert Client().get("/", PATH_INFO=path).status_code == 404
    assert "nowhere" in caplog.text
