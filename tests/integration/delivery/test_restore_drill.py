"""The drill of docs/how-to/operate.md: database and store are restored to different moments."""

import subprocess
import sys

import pytest

from tests.support.documents import blocks_of
from tests.support.host import ROOT, environment
from tools.restore_drill.__main__ import DUMP, RESTORE, ROWS

PAGE = "docs/how-to/operate.md"


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Run the drill, which asserts that nothing is left to mend and that every file is what its record says."""
    folder = tmp_path_factory.mktemp("drill")
    command = [sys.executable, "-m", "tools.restore_drill"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(folder, XDG_RUNTIME_DIR=str(folder)),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def test_drill_mends_what_the_page_shows(table):
    assert len(table.splitlines()) == 2 + len(ROWS)
    assert table in (ROOT / PAGE).read_text()


def test_commands_of_the_docs_are_those_of_the_drill():
    (block,) = blocks_of("docs/how-to/deploy.md", "console", "::test_commands_of_the_docs_are_those_of_the_drill")
    assert block.splitlines() == [command.format(file="uploads.dump") for command in (DUMP, RESTORE)]
