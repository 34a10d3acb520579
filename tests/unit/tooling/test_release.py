"""The parts of a release agree: versions, workflows, templates and the targets of the Makefile."""

import json
import re
import tomllib
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from s3_file_uploader import __version__
from tests.support.host import ROOT

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def workflow(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((GITHUB / "workflows" / name).read_text())
    return content


def steps_in(path: Path) -> list[dict[str, Any]]:
    return [step for job in workflow(path.name)["jobs"].values() for step in job["steps"]]


def test_versions_of_package_clients_and_changelog_agree():
    for folder in ("clients/typescript", "console"):
        assert json.loads((ROOT / folder / "package.json").read_text())["version"] == __version__
        assert json.loads((ROOT / folder / "package-lock.json").read_text())["version"] == __version__
    assert re.findall(r"^## \[(.+)\] - \d{4}-\d{2}-\d{2}$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0] == (
        __version__
    )
    assert f":{__version__}\n" in (ROOT / "docs/how-to/kubernetes.md").read_text()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflow_runs_what_exists_with_pinned_actions_and_few_rights(path):
    assert workflow(path.name)["permissions"] == {"contents": "read"}
    for step in steps_in(path):
        for target in re.findall(r"^make ([\w-]+)", step.get("run", ""), re.MULTILINE):
            assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
        for script in re.findall(r"^(tools/\S+)", step.get("run", ""), re.MULTILINE):
            assert (ROOT / script).stat().st_mode & 0o100, script
        if "uses" in step:
            assert re.fullmatch(r"[\w.-]+/[\w.-]+@(v\d+|release/v\d+|[0-9a-f]{40})", step["uses"]), step["uses"]


def test_workflow_tests_every_environment_of_tox():
    (*single, matrix) = PYPROJECT["tool"]["tox"]["env_list"]
    named = {*single, *("-".join(parts) for parts in product(*matrix["product"]))}
    rows = workflow("test.yml")["jobs"]["versions"]["strategy"]["matrix"]["include"]
    assert {row["tox"] for row in rows} == named
    assert all(row["tox"].startswith(f"py{row['python'].replace('.', '')}-") for row in rows)


def test_release_publishes_only_what_was_tested_and_without_a_password():
    jobs = workflow("release.yml")["jobs"]
    assert [step["run"] for step in jobs["build"]["steps"] if "run" in step] == [
        "make test",
        "make audit",
        'make release-check TAG="$GITHUB_REF_NAME"',
    ]
    for name in ("pypi", "npm"):
        assert (jobs[name]["needs"], jobs[name]["environment"]) == ("build", name)
        assert jobs[name]["permissions"] == {"id-token": "write"}
    assert "secrets." not in (GITHUB / "workflows" / "release.yml").read_text()


def test_dependabot_watches_folders_that_exist():
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    for update in updates:
        for folder in update.get("directories", [update.get("directory")]):
            assert (ROOT / folder.strip("/")).is_dir()
    assert {"github-actions", "docker", "docker-compose", "npm"} == {update["package-ecosystem"] for update in updates}


def test_issue_forms_have_unique_ids():
    for path in (GITHUB / "ISSUE_TEMPLATE").glob("[!c]*.yml"):
        form = yaml.safe_load(path.read_text())
        ids = [field["id"] for field in form["body"] if "id" in field]
        assert ids
        assert sorted(ids) == sorted(set(ids))


def test_service_of_the_docs_is_that_of_the_procfile():
    (line,) = re.findall(r"^ExecStart=\S+/bin/(.+)$", (ROOT / "docs/how-to/deploy.md").read_text(), re.MULTILINE)
    assert f"web: {line}\n" in (ROOT / "Procfile").read_text()
