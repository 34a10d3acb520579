"""The documentation is correct: its blocks run, its lists are complete, and its links have a target."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import AppConfig
from django.core.checks import ERROR, run_checks
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from django.urls import path
from django.urls.resolvers import RegexPattern, URLResolver
from django.utils.module_loading import import_string
from drf_spectacular.generators import SchemaGenerator

from modules.management.commands import demo
from s3_file_uploader import services
from s3_file_uploader.asgi import UploadASGIHandler
from s3_file_uploader.checks import policies
from s3_file_uploader.conf import CACHES_OF_ONE
from tests.support.documents import BLOCKS, PAGES, Block, blocks_in, blocks_of
from tests.support.host import ROOT

REFERENCE = ROOT / "docs" / "reference"
OURS = ("s3_cors", "s3_doctor", "s3_embedded", "s3_housekeeping", "s3_scan")


def blocks_run_by(test: str) -> list[Block]:
    matching = [block for block in BLOCKS if block.note.endswith(f"::{test}")]
    assert matching, test
    return matching


# --- blocks of code ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block_names_its_test_or_a_reason(block):
    assert block.is_run is not None, "Write <!-- runs: tests/... --> or <!-- not run: why --> above the block."
    if block.is_run:
        file, _, test = block.note.partition(" ")[0].partition("::")
        assert f"def {test}" in (ROOT / file).read_text()


@pytest.mark.parametrize("page", PAGES)
def test_page_has_no_block_without_a_language(page):
    fences = re.findall(r"^```(\S*)", (ROOT / page).read_text(), re.MULTILINE)
    assert fences[::2].count("") == 0


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=str)
def test_python_block_compiles(block):
    assert compile(block.code, block.page, "exec")


def test_install_settings_pass_the_checks():
    for block in blocks_run_by("test_install_settings_pass_the_checks"):
        names = {"INSTALLED_APPS": [], "BASE_DIR": ROOT}
        exec(block.code, names)  # noqa: S102 - ours, from the docs
        assert [AppConfig.create(entry).label for entry in names["INSTALLED_APPS"]] == [
            "rest_framework",
            "s3_file_uploader",
        ]


def test_install_urls_route_the_service():
    for block in blocks_run_by("test_install_urls_route_the_service"):
        names = {"urlpatterns": [], "path": path}  # `startproject` writes such a urls.py.
        exec(block.code, names)  # noqa: S102 - ours, from the docs
        resolver = URLResolver(RegexPattern(r"^/"), names["urlpatterns"])
        assert resolver.resolve("/modules/s3-file-uploader/service/health/").url_name == "s3_service-health"


def test_console_urls_route_the_page():
    (block,) = blocks_run_by("test_console_urls_route_the_page")
    names = {"urlpatterns": [], "path": path}
    exec(block.code, names)  # noqa: S102 - ours, from the docs
    resolver = URLResolver(RegexPattern(r"^/"), names["urlpatterns"])
    assert resolver.resolve("/files/").view_name == "s3_file_uploader_console:console"
    assert resolver.resolve("/modules/s3-file-uploader/service/health/").url_name == "s3_service-health"


def test_asgi_application_of_the_docs_serves():
    (block,) = blocks_run_by("test_asgi_application_of_the_docs_serves")
    names = {}
    exec(block.code, names)  # noqa: S102 - ours, from the docs
    assert isinstance(names["application"], UploadASGIHandler)


@pytest.mark.django_db
def test_settings_pass_the_checks(settings):
    for block in blocks_run_by("test_settings_pass_the_checks"):
        names = {}
        exec(block.code, names)  # noqa: S102 - ours, from the docs
        own = {name: value for name, value in names.items() if name.startswith("S3_FILE_UPLOADER_")}
        assert own
        for name, value in own.items():
            setattr(settings, name, value)
    assert [message for message in run_checks() if message.level >= ERROR] == []


def test_middleware_can_be_imported():
    for block in blocks_run_by("test_middleware_can_be_imported"):
        names = {"MIDDLEWARE": ["django.middleware.security.SecurityMiddleware"]}
        exec(block.code, names)  # noqa: S102 - ours, from the docs
        assert [import_string(path) for path in names["MIDDLEWARE"]]


def test_schema_hooks_can_be_imported():
    (block,) = blocks_run_by("test_schema_hooks_can_be_imported")
    names = {}
    exec(block.code, names)  # noqa: S102 - ours, from the docs
    assert [import_string(path) for path in names["SPECTACULAR_SETTINGS"]["POSTPROCESSING_HOOKS"]]


def test_caches_are_shared():
    for line in [line for block in blocks_run_by("test_caches_are_shared") for line in block.code.splitlines()]:
        names = {}
        exec(line, names)  # noqa: S102 - ours, from the docs
        assert names["CACHES"]["default"]["BACKEND"] not in CACHES_OF_ONE


def test_scanner_finds_a_password_across_chunks():
    (block,) = blocks_run_by("test_scanner_finds_a_password_across_chunks")
    names = {}
    exec(block.code, names)  # noqa: S102 - ours, from the docs
    scanner = names["NoPasswords"]()
    assert not scanner.scan(iter([b"the pass", b"word=secret"]), upload=None).is_clean
    assert scanner.scan(iter([b"the pass", b" word=secret"]), upload=None).is_clean


def test_conftest_compiles_and_names_the_plugin():
    (block,) = blocks_run_by("test_conftest_compiles_and_names_the_plugin")
    names = {}
    exec(block.code, names)  # noqa: S102 - ours, from the docs
    assert [import_module(plugin) for plugin in names["pytest_plugins"]]
    assert "storage" in names


def management_commands() -> list[tuple[str, str]]:
    lines = "\n".join(block.code for block in BLOCKS if block.language in {"console", "text", "ini"})
    return re.findall(r"manage\.py (\w+)([^\n#]*)", lines)


@pytest.mark.parametrize(("name", "arguments"), management_commands())
def test_management_commands_parse(name, arguments):
    command = load_command_class(get_commands()[name], name)
    assert isinstance(command, BaseCommand)
    command.create_parser("manage.py", name).parse_args(shlex.split(arguments))


def test_first_lines_are_those_that_make_run_prints():
    printed = demo._welcome("http://127.0.0.1:8000", "127.0.0.1").partition("terminal:\n\n")[2]
    (readme,) = blocks_of("README.md", "console", "test_first_upload")
    tutorial = "".join(blocks_of("docs/tutorials/first-upload.md", "console", "test_first_upload"))
    assert readme == tutorial == printed


# --- lists ------------------------------------------------------------------------------------------------------------


def test_page_of_checks_lists_each_id():
    code = "".join(file.read_text() for file in (ROOT / "s3_file_uploader" / "checks").glob("*.py"))
    used = set(re.findall(r'"(?:s3_file_uploader\.)?([EW]\d{3})"', code))
    listed = re.findall(r"^\| ([EW]\d{3}) \|", (REFERENCE / "checks.md").read_text(), re.MULTILINE)
    assert set(listed) == used
    assert len(listed) == len(used)


def test_page_of_policy_fields_lists_each_field():
    rows = [line.split("|")[1] for line in (REFERENCE / "policy-fields.md").read_text().splitlines() if "| `" in line]
    assert set(re.findall(r"`(\w+)`", "".join(rows))) == set(policies.FIELDS)


def test_page_of_the_python_api_names_each_service():
    page = (REFERENCE / "python-api.md").read_text()
    functions = {name for name in services.__all__ if name.islower()} - {"file_disposition", "upload_key"}
    missing = {"record_delete", "upload_id_in"}  # These belong to the admin and to Uppy only.
    assert {name for name in functions - missing if f"{name}(" not in page} == set()


@pytest.mark.parametrize("name", OURS)
def test_page_of_commands_lists_each_option(name):
    section = (REFERENCE / "commands.md").read_text().partition(f"\n## {name}\n")[2].partition("\n## ")[0]
    own = load_command_class(get_commands()[name], name).create_parser("manage.py", name)._actions
    of_django = BaseCommand().create_parser("manage.py", name)._actions
    options = {option for action in own for option in action.option_strings}
    options -= {option for action in of_django for option in action.option_strings}
    assert {option for option in options if f"`{option}" not in section} == set()


def test_page_of_endpoints_lists_each_address():
    page = re.sub(r"\{\w+\}", "{}", (REFERENCE / "endpoints.md").read_text())
    listed = set(re.findall(r"^\| [A-Z ]*?(?:or [A-Z]+ )?`([^`]+)` \|", page, re.MULTILINE))
    served = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    ours = {re.sub(r"\{\w+\}", "{}", address.partition("/service/")[2]) for address in served if "/service/" in address}
    assert {address for address in ours - listed if not address.startswith("uppy/")} == set()


def test_module_specification_shows_each_drawing():
    page = (ROOT / "docs/explanation/module-specification.md").read_text()
    for name in ("states", "upload-through-the-server", "direct-upload", "deletion"):
        assert f"](../_static/{name}.svg)" in page
        assert (ROOT / f"docs/_static/{name}.svg").is_file()


def test_architecture_names_files_that_exist():
    named = re.findall(r"`([a-z0-9_/]+\.py)`", (ROOT / "docs/explanation/architecture.md").read_text())
    assert "services/recovery.py" in named
    assert [name for name in named if not (ROOT / "s3_file_uploader" / name).is_file()] == []


# --- links ------------------------------------------------------------------------------------------------------------


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "postman/README.md"])
def test_links_lead_to_a_file_and_a_heading(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", (ROOT / page).read_text()):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / file if file else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in anchors_of(linked), target


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130
    assert blocks_in("README.md")
