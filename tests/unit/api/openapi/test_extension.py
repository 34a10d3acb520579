"""The document: it describes every route, and no other."""

import re

from django.core.management import call_command
from django.urls import path
from drf_spectacular.drainage import GENERATOR_STATS
from openapi_spec_validator import validate

from s3_file_uploader import urls
from s3_file_uploader.api.authentication import UploadTokenAuthentication
from s3_file_uploader.api.viewsets import FileDownloadViewSet, FileViewSet, HealthViewSet, ObjectViewSet
from tests.unit.api.openapi.conftest import PREFIX, ROUTES, generated

# Addresses with a token or a ticket are not described: they repeat others, or are opaque.
SECRET_ADDRESSES = ("uppy/token/", "uppy/signed/")
# It also serves files whose names end like its address: see the operations of files.
OF_FILES_NAMED_SO = {FileDownloadViewSet: ("store", "destroy")}
ROUTED = [route for route in urls.service if not str(route.pattern).startswith(SECRET_ADDRESSES)]


def test_schema_is_valid_openapi(schema):
    validate(schema)


def test_spectacular_command_prints_no_warnings(tmp_path, capsys):
    GENERATOR_STATS.reset()
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    assert capsys.readouterr() == ("", "")
    assert "openapi: 3.0" in (tmp_path / "schema.yml").read_text()


def test_schema_describes_every_route_and_nothing_else(schema):
    described = {
        (method, address.removeprefix(PREFIX))
        for address, methods in schema["paths"].items()
        if address.startswith(PREFIX)
        for method in methods
        if method != "head"
    }
    routed = {
        (method, re.sub(r"<\w+:(\w+)>", r"{\1}", str(route.pattern)))
        for route in ROUTED
        if route.name  # Aliases have no name.
        for method in route.callback.actions
        if method != "head" and route.callback.actions[method] not in OF_FILES_NAMED_SO.get(route.callback.cls, ())
    }
    assert described == routed == set(ROUTES.values())


def test_alias_routes_are_described_addresses_without_slash():
    addresses = {str(route.pattern): route.callback.actions for route in ROUTED if route.name}
    unnamed = {str(route.pattern): route.callback.actions for route in ROUTED if not route.name}
    aliases = {address: actions for address, actions in unnamed.items() if "missing" not in actions.values()}
    (alias,) = [address for address in aliases if address.endswith("/download")]  # The file of that name.
    assert aliases.pop(alias) == addresses[f"{alias}/"] | {"get": "retrieve_or_download"}
    assert aliases == {address: addresses[f"{address}/"] for address in aliases}
    assert len(aliases) == 2


def test_uppy_token_routes_are_the_same_as_uppy_routes():
    routed = {str(route.pattern): route.callback for route in urls.service}
    at_home = {
        address: view for address, view in routed.items() if address.startswith("uppy/s3/") or address == "uppy/sign"
    }
    assert len(at_home) == 8
    for address, view in at_home.items():
        by_token = routed[address.replace("uppy/", "uppy/token/<s3_secret:token>/")]
        assert by_token.cls is view.cls
        assert without_head(by_token.actions) == without_head(view.actions)
        assert by_token.initkwargs == {**view.initkwargs, "authentication_classes": (UploadTokenAuthentication,)}


def without_head(actions: dict[str, str]) -> dict[str, str]:
    """Return the actions without HEAD, which Django REST framework adds with the first request."""
    return {method: action for method, action in actions.items() if method != "head"}


def test_operation_ids_belong_to_their_routes(schema):
    for name, (method, address) in ROUTES.items():
        assert schema["paths"][PREFIX + address][method]["operationId"] == name


def test_viewsets_are_not_modified(schema):
    assert not hasattr(FileViewSet.upload, "kwargs")
    assert not hasattr(FileDownloadViewSet.download, "kwargs")
    assert not hasattr(FileViewSet.destroy, "kwargs")
    assert not hasattr(ObjectViewSet.store, "kwargs")


def test_derived_viewset_of_a_host_is_described():
    class HostsHealthViewSet(HealthViewSet):
        """Show the health of a host."""

    schema = generated(patterns=[path("up/", HostsHealthViewSet.as_view({"get": "retrieve"}))])
    assert schema["paths"]["/up/"]["get"]["operationId"] == "health"


def test_head_is_described_for_its_routes(schema):
    routed = {
        re.sub(r"<\w+:(\w+)>", r"{\1}", str(route.pattern)): route.callback.actions
        for route in ROUTED
        if route.name and route.callback.actions.get("head") == "retrieve"
    }
    described = {
        address.removeprefix(PREFIX): methods
        for address, methods in schema["paths"].items()
        if "head" in methods and address.startswith(PREFIX)
    }
    assert {address: methods["head"]["operationId"] for address, methods in described.items()} == {
        "buckets/{bucket_name}/files/{file_name}/": "file_head",
        "shares/{share}/": "share_head",
    }
    assert described.keys() <= routed.keys()
    for methods in described.values():
        answers = methods["head"]["responses"]
        assert answers == {
            status: {name: value for name, value in answer.items() if name != "content"}
            for status, answer in methods["get"]["responses"].items()
            if status not in ("206", "416")
        }
        parameters = [each for each in methods["get"]["parameters"] if each["name"] not in ("Range", "If-Range")]
        assert methods["head"]["parameters"] == parameters
        assert methods["head"].get("security") == methods["get"].get("security")
        assert methods["head"]["summary"] != methods["get"]["summary"]


def test_server_is_named(schema):
    (server,) = schema["servers"]
    assert server["url"] == "/"
    assert server["description"]
