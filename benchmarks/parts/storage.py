"""Files of file fields: `UploadStorage` beside django-storages, and the adoption of the files of another storage."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..contenders import OURS, Contender, Figures, Runs
from ..options import Options
from ..plots import bars
from ..results import Result
from ..rounds import alternated
from ..stage import Stage, manage, staged
from ..tables import Column, Table, figure, times

STORAGES = "django-storages: S3Storage"
CONTENDERS = {"ours": f"{OURS}UploadStorage", "storages": STORAGES}
LARGE_MIB = 256
SMALL_TASKS = {"save": "save", "exists": "exists", "url": "url", "read": "open and read"}
LARGE_TASKS = {"large_save": "save", "large_read": "open and read in pieces of 64 KiB", "large_head": "read 64 KiB"}
ABOUT = (
    "Each storage in a process of its own, one call after the other, on SQLite, with files of 10 kB and one of "
    f"{LARGE_MIB} MiB. Ours inserts a record, applies a policy, looks at the first bytes and computes the SHA-256; "
    "django-storages writes no record. Neither writes log lines. `file_overwrite` of django-storages is True, its "
    "default, so that its `save` does not look for the name. Requests are those to the store. Memory is the peak over "
    "that after eight small files. The adoption gives objects of 10 kB that another program stored a record and a "
    "SHA-256."
)


def measure(folder: Path, options: Options) -> Result:
    """Let each storage do all tasks in every round, then adopt a bucket once."""
    with staged(folder) as stage:
        contenders = [Contender(key, name, partial(_run, stage, key, options)) for key, name in CONTENDERS.items()]
        runs = alternated("storages", contenders, options)
    adoption = [Contender("ours", f"{OURS}--adopt", partial(_adopt, folder, options))]
    adopted = alternated(f"adoption of {options.uploads} files", adoption, replace(options, rounds=1))
    tables = (
        *(_task_table(f"{options.files:,} files of 10 kB: {name}", task, runs) for task, name in SMALL_TASKS.items()),
        *(_task_table(f"One file of {LARGE_MIB} MiB: {name}", task, runs) for task, name in LARGE_TASKS.items()),
        Table(f"Adoption of {options.uploads:,} files of 10 kB", tuple(_adoption_columns()), adopted),
    )
    title = "File fields"
    return Result("storage", title, ABOUT, tables, partial(bars, title=title, tables=tables[:-1]))


def _run(stage: Stage, who: str, options: Options) -> Figures:
    printed = manage("storage_measured", who, str(options.files), str(stage.file(LARGE_MIB)), environment=_quiet(stage))
    figures: Figures = json.loads(printed)
    return figures


def _quiet(stage: Stage) -> dict[str, str]:
    """Return the environment without the log line of each file, which django-storages does not have."""
    return {**stage.environment, "DJANGO_LOG_LEVEL": "WARNING"}


def _adopt(folder: Path, options: Options) -> Figures:
    own = folder / "adoption"
    own.mkdir(exist_ok=True)
    with staged(own) as stage:
        figures = json.loads(manage("bucket_adopted", str(options.uploads), environment=_quiet(stage)))
    return {**figures, "per_second": options.uploads / figures["seconds"]}


def _task_table(title: str, task: str, runs: Runs) -> Table:
    columns = (
        Column("ms a file", figure(f"{task}_ms"), decimals=2, with_range=True, plotted=True),
        Column("times django-storages", times(STORAGES, f"{task}_ms"), decimals=2, with_range=True),
        Column("CPU ms a file", figure(f"{task}_cpu_ms"), decimals=2),
        Column("times django-storages", times(STORAGES, f"{task}_cpu_ms"), decimals=2),
        Column("requests a file", figure(f"{task}_requests"), decimals=2),
        Column("MiB over idle", figure(f"{task}_mib"), decimals=1),
    )
    return Table(title, columns, runs)


def _adoption_columns() -> tuple[Column, ...]:
    return (
        Column("s", figure("seconds"), with_range=True, plotted=True),
        Column("files/s", figure("per_second"), decimals=0),
        Column("CPU s", figure("cpu_seconds")),
        Column("MiB over idle", figure("memory_mib")),
    )
