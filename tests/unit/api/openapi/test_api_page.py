"""The schema and the API page of the host project."""

import json
import re
from pathlib import Path

from django.test import Client
from django.urls import get_resolver

from modules.accounts import ACCOUNTS, PASSWORD
from modules.management.commands import demo
from s3_file_uploader.api.openapi import examples
from tests.unit.api.openapi.conftest import PREFIX, ROUTES, values


def test_token_returns_what_is_shown(schema, client, db):
    operation = schema["paths"]["/auth/token/"]["post"]
    assert "security" not in operation
    assert schema["components"]["schemas"]["AuthTokenRequest"]["required"] == ["password", "username"]
    shown = {status: values(answer["content"]["application/json"]) for status, answer in operation["responses"].items()}
    assert [value.keys() for value in shown["200"]] == [
        schema["components"]["schemas"]["AuthToken"]["properties"].keys()
    ]

    refused = client.post("/auth/token/", {"username": "nobody", "password": "nothing"})
    assert (refused.status_code, [refused.json()]) == (400, shown["400"])
    text = client.post("/auth/token/", "x", content_type="text/plain")
    assert (text.status_code, [text.json()]) == (415, shown["415"])


def test_token_with_stale_credentials_validates_the_password(staff):
    client = Client(enforce_csrf_checks=True, headers={"authorization": "Token stale"})
    client.force_login(staff)
    assert client.post("/auth/token/", {"username": "staff", "password": "x"}).status_code == 400


def test_schema_is_served(client):
    answer = client.get("/api/schema/", headers={"accept": "application/vnd.oai.openapi+json"})
    assert answer.status_code == 200
    assert {f"{PREFIX}{address}" for _, address in ROUTES.values()} <= json.loads(answer.content)["paths"].keys()


def test_api_page_loads_from_this_host_only(client):
    answer = client.get("/api/docs/")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert not re.search(r"""["'(](https?:)?//""", page)
    assets = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert {Path(asset).suffix for asset in assets} == {".css", ".js", ".png"}
    for asset in assets:
        served = client.get(asset)
        assert served.status_code == 200
        assert len(served.getvalue()) > 100


def test_api_page_says_where_to_begin_and_remembers_the_token(schema, client):
    for address in ("auth/token/", "bucket/create/", "bucket/list/"):
        assert f"{address}`" in schema["info"]["description"]
        assert any(path.endswith(address) for path in schema["paths"])
    assert f"`{examples.BUCKET}`" in schema["info"]["description"]
    assert '"persistAuthorization": true' in client.get("/api/docs/").content.decode()


def test_examples_use_accounts_and_bucket_of_the_demo(schema):
    (account,) = values(schema["paths"]["/auth/token/"]["post"]["requestBody"]["content"]["application/json"])
    assert ACCOUNTS[account["username"]], "Only staff create buckets."
    assert account["password"] == PASSWORD
    assert f"-d bucket={examples.BUCKET}\n" in Path(demo.__file__).read_text()


def test_schema_describes_the_routes_of_the_host(schema):
    named = {route.name for route in get_resolver("modules.urls").url_patterns if hasattr(route, "name")}
    assert named - {None, "schema", "docs"} == {"token"}
    assert "/auth/token/" in schema["paths"]
