"""The manifests of the docs fit the image and each other. `make release-check` compares them with the schema."""

import re
import runpy
from typing import Any

import yaml
from django.urls import resolve

from tests.support.documents import blocks_of
from tests.support.host import ROOT
from tests.unit.modules.test_host import names_in_example

PAGE = "docs/how-to/kubernetes.md"
MANIFESTS: dict[str, Any] = {
    manifest["kind"]: manifest for block in blocks_of(PAGE, "yaml") for manifest in yaml.safe_load_all(block)
}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
POD = MANIFESTS["Deployment"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
(MIGRATE,) = MANIFESTS["Job"]["spec"]["template"]["spec"]["containers"]
PROBES = ("livenessProbe", "startupProbe", "readinessProbe")


def test_manifests_are_those_that_the_page_promises():
    assert len(MANIFESTS) == len(blocks_of(PAGE, "yaml"))
    assert set(MANIFESTS) == {"Secret", "Job", "Deployment", "Service", "PodDisruptionBudget", "Ingress"}


def test_manifests_select_the_pods_and_name_the_service():
    labels = POD["metadata"]["labels"]
    assert MANIFESTS["Service"]["spec"]["selector"] == labels
    for kind in ("Deployment", "PodDisruptionBudget"):
        assert MANIFESTS[kind]["spec"]["selector"]["matchLabels"] == labels
    (rule,) = MANIFESTS["Ingress"]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"]["name"] == MANIFESTS["Service"]["metadata"]["name"]
    ports = {port["name"] for port in CONTAINER["ports"]}
    assert {MANIFESTS["Service"]["spec"]["ports"][0]["targetPort"], path["backend"]["service"]["port"]["name"]} == ports


def test_manifests_set_variables_that_are_read():
    known = {*names_in_example(), "WEB_CONCURRENCY", "GUNICORN_THREADS"}
    named = {variable["name"] for variable in CONTAINER["env"]} | MANIFESTS["Secret"]["stringData"].keys()
    assert named - known == set()
    for container in (CONTAINER, MIGRATE):
        assert container["envFrom"] == [{"secretRef": {"name": MANIFESTS["Secret"]["metadata"]["name"]}}]


def test_secret_has_each_variable_that_all_containers_need():
    assert {"DJANGO_SECRET_KEY", "DATABASE_URL", "AWS_STORAGE_REGION"} <= MANIFESTS["Secret"]["stringData"].keys()


def test_probes_ask_addresses_that_exist_for_the_allowed_host():
    (host,) = [variable["value"] for variable in CONTAINER["env"] if variable["name"] == "DJANGO_ALLOWED_HOSTS"]
    names = []
    for probe in PROBES:
        asked = CONTAINER[probe]["httpGet"]
        names.append(resolve(asked["path"]).url_name.removeprefix("s3_service-"))
        assert {"name": "Host", "value": host} in asked["httpHeaders"]
        assert {"name": "X-Forwarded-Proto", "value": "https"} in asked["httpHeaders"]
        assert asked["port"] in {port["name"] for port in CONTAINER["ports"]}
    assert names == ["health-live", "health-live", "health-ready"]


def test_containers_fit_the_image():
    assert f"EXPOSE {CONTAINER['ports'][0]['containerPort']}\n" in DOCKERFILE
    for container, pod in ((CONTAINER, POD), (MIGRATE, MANIFESTS["Job"]["spec"]["template"])):
        assert container["securityContext"] == {
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["spec"]["volumes"]}
        assert re.search(rf"^USER \d+:{pod['spec']['securityContext']['fsGroup']}$", DOCKERFILE, re.MULTILINE)


def test_pods_wait_longer_than_gunicorn():
    graceful = runpy.run_path(str(ROOT / "deploy" / "gunicorn.conf.py"))["graceful_timeout"]
    pause = int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert POD["spec"]["terminationGracePeriodSeconds"] > graceful + pause
