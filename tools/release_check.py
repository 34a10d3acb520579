"""Build what a release publishes, and try it: `make release-check`. TAG=v0.2.0 also compares the tag.

dist/ then has the sdist, the wheel that was built from it, the npm package, and a list of components for each
(CycloneDX). Each of sdist and wheel is installed into a new environment, and serves a file from there.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from s3_file_uploader.embedded import EmbeddedS3  # noqa: E402
from tests.integration.delivery.test_packaging import service_check  # noqa: E402 - the tests are no package
from tests.support.documents import BLOCKS  # noqa: E402
from tests.support.projects import Project, bare_environment, output_of, settled_check  # noqa: E402

DIST, CLIENT = ROOT / "dist", ROOT / "clients" / "typescript"
RELEASE_BIN = ROOT / ".release" / "bin"


def main() -> None:
    """Run every check; the first failure ends the run."""
    version = check_versions(os.environ.get("TAG", ""))
    check_manifests()
    shutil.rmtree(DIST, ignore_errors=True)
    sdist, wheel = build_python()
    package = build_npm()
    for built in (sdist, wheel):
        serve_from(built)
    write_components(wheel, version)
    print(f"Version {version} can be released. dist/ has {', '.join(sorted(file.name for file in DIST.iterdir()))}")
    print(f"npm publish takes ./dist/{package.name}")


def run(*command: str | Path, folder: Path = ROOT) -> None:
    """Run a program, and print its line first."""
    print("+", *(str(part).replace(f"{ROOT}/", "") for part in command), flush=True)
    subprocess.run(command, cwd=folder, check=True)


def check_versions(tag: str) -> str:
    """Return the version that package, client, console and changelog agree on.

    Raises:
        SystemExit: they differ, or the tag is of another version.
    """
    found = {
        "s3_file_uploader/__init__.py": re.findall(
            r'__version__ = "([^"]+)"', (ROOT / "s3_file_uploader" / "__init__.py").read_text()
        )[0],
        "CHANGELOG.md": re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0],
        **{
            f"{folder}/package.json": json.loads((ROOT / folder / "package.json").read_text())["version"]
            for folder in ("clients/typescript", "console")
        },
        **({"tag": tag.removeprefix("v")} if tag else {}),
    }
    if len(set(found.values())) > 1:
        raise SystemExit(f"The versions differ: {found}")
    return found["CHANGELOG.md"]


def check_manifests() -> None:
    """Compare the manifests of the docs with the schema of Kubernetes."""
    manifests = "---\n".join(block.code for block in BLOCKS if block.language == "yaml" and "kind: " in block.code)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(manifests)
        file.flush()
        run(RELEASE_BIN / "kubernetes-validate", "--strict", file.name)


def build_python() -> tuple[Path, Path]:
    """Build the sdist, and the wheel from it; check both."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", DIST, ROOT)
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    run(RELEASE_BIN / "twine", "check", "--strict", sdist, wheel)
    run(RELEASE_BIN / "check-wheel-contents", wheel)
    return sdist, wheel


def build_npm() -> Path:
    """Build and check the client; return its package."""
    run(ROOT / "tools" / "run_npm.sh", CLIENT, "build", "check", folder=ROOT)
    (packed,) = (CLIENT / "node_modules").glob("s3-file-uploader-client-*.tgz")
    return Path(shutil.move(packed, DIST / packed.name))


def serve_from(built: Path) -> None:
    """Install a distribution into a new environment, and let a new project upload a file with it."""
    print(f"+ serve from {built.name}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name) / "project", Path(name) / "venv" / "bin" / "python"
        folder.mkdir()
        output_of(sys.executable, "-m", "venv", Path(name) / "venv", folder=folder, environment=bare_environment())
        with EmbeddedS3(Path(name) / "s3") as store:
            project = Project(python, folder, "s3_file_uploader", bare_environment() | store.environment())
            project.python_says("-m", "pip", "install", "--quiet", str(built))
            project.set_up()
            settled_check(project)
            service_check(project)


def write_components(wheel: Path, version: str) -> None:
    """Write what an installed wheel and the npm package consist of, as CycloneDX."""
    with tempfile.TemporaryDirectory() as name:
        python = Path(name) / "bin" / "python"
        run(sys.executable, "-m", "venv", "--without-pip", name)
        run(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", wheel)
        target = DIST / f"s3_file_uploader-{version}.cdx.json"
        run(RELEASE_BIN / "cyclonedx-py", "environment", "--output-reproducible", "--output-file", target, python)
    with (DIST / f"s3-file-uploader-client-{version}.cdx.json").open("w") as file:
        command = ("npm", "sbom", "--sbom-format", "cyclonedx", "--omit", "dev", "--package-lock-only")
        subprocess.run(command, cwd=CLIENT, check=True, stdout=file)


if __name__ == "__main__":
    main()
