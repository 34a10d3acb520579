"""The installs of `make`: nothing twice, and a half-made `.venv` from the beginning."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.support.host import ROOT

VENV_CREATED = "-m venv .venv"
INSTALLED = "-m pipenv sync"
STAMPS = (".venv/.base", "Pipfile.lock", ".venv/.run")


@pytest.fixture
def folder(tmp_path):
    """Return a project as `make run` leaves it behind."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    for seconds, stamp in enumerate(STAMPS):
        (tmp_path / stamp).touch()
        os.utime(tmp_path / stamp, (seconds, seconds))
    return tmp_path


def make(folder, *arguments):
    """Run make, and not as a part of the make that runs the tests."""
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        ["make", *arguments, ".venv/.run"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def planned(folder):
    done = make(folder, "--dry-run")
    assert done.returncode == 0, done.stderr
    return done.stdout


def python_gone(folder):
    (folder / ".venv" / "bin" / "python").unlink()
    (folder / ".venv" / "bin" / "python").symlink_to("gone")


def test_make_with_all_installed_does_nothing(folder):
    assert planned(folder) == "make: '.venv/.run' is up to date.\n"


def test_make_with_a_newer_lock_installs_into_the_same_venv(folder):
    os.utime(folder / "Pipfile.lock", (10, 10))
    assert INSTALLED in planned(folder)
    assert VENV_CREATED not in planned(folder)


@pytest.mark.parametrize(
    "damage",
    [
        python_gone,
        lambda folder: (folder / ".venv" / ".base").rename(folder / ".venv" / ".busy"),
        lambda folder: shutil.rmtree(folder / ".venv"),
    ],
    ids=["python-gone", "interrupted", "no-venv"],
)
def test_make_with_an_incomplete_venv_creates_it_again(folder, damage):
    damage(folder)
    plan = planned(folder)
    assert plan.index("rm -rf .venv") < plan.index(VENV_CREATED) < plan.index(INSTALLED)


def test_make_after_a_failed_install_starts_again(folder):
    (folder / "Pipfile.lock").touch()  # There is no pipenv in this environment.
    assert make(folder).returncode != 0
    assert VENV_CREATED in planned(folder)
