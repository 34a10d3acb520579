"""Signatures a second: URLs, forms, and the parts of large files."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ..contenders import Contender, Figures, Runs
from ..options import Options
from ..plots import bars
from ..results import Result
from ..rounds import alternated
from ..signatures import MEASURED_SECONDS, Signers, signers
from ..stage import environment_of
from ..tables import Column, Table, figure, times

RATE = "thousands_per_second"
AT_A_TIME = 1000
FLOOR_NAME = "floor: one SHA-256, one HMAC"
ABOUT = (
    "One thread in a process of the host project; nothing is sent. Ours are `presign_url`, `presign_post` and "
    "`presign_part_urls`, as the services call them, for a bucket whose address is known by then; boto3 and botocore "
    f"sign one part at a time, for they know no other way. Each signs for {MEASURED_SECONDS:g} s of CPU time a round. "
    "The floor hashes a text as long as the URL and signs the hash, and no more. Parts can be faster: they share all "
    "but their number, and what is shared is hashed once."
)


@dataclass(frozen=True)
class Task:
    """A kind of signature, the number of signatures at a time, and its signers by their keys."""

    title: str
    what: str
    count: int
    names: dict[str, str]


URL = {
    "presigned": "ours: presign_url",
    "boto3": "boto3: generate_presigned_url",
    "botocore": "botocore: S3SigV4QueryAuth",
}
FORM = {
    "presigned": "ours: presign_post",
    "boto3": "boto3: generate_presigned_post",
    "botocore": "botocore: S3SigV4PostAuth",
}
PARTS = {**URL, "presigned": "ours: presign_part_urls"}
TASKS = (
    Task("One URL to read", "url", AT_A_TIME, URL),
    Task("One form", "form", AT_A_TIME, FORM),
    Task("1,000 URLs of parts", "parts", 1000, PARTS),
    Task("10,000 URLs of parts", "parts", 10_000, PARTS),
)


def measure(folder: Path, options: Options) -> Result:
    """Let each signer sign for some seconds in every round."""
    with signers(environment_of(folder)) as process:
        tables = tuple(Table(task.title, _columns(task), _runs(task, process, options)) for task in TASKS)
    title = "Signatures"
    return Result("signing", title, ABOUT, tables, partial(bars, title=title, tables=tables))


def _runs(task: Task, process: Signers, options: Options) -> Runs:
    names = {"floor": FLOOR_NAME, **task.names}
    contenders = [Contender(key, name, partial(_run, process, key, task)) for key, name in names.items()]
    return alternated(task.title, contenders, options)


def _run(process: Signers, who: str, task: Task) -> Figures:
    return {RATE: process.per_second(who, task.what, task.count) / 1000}


def _columns(task: Task) -> tuple[Column, ...]:
    return (
        Column("thousand signatures/s of CPU", figure(RATE), with_range=True, plotted=True),
        Column("times boto3", times(task.names["boto3"], RATE), with_range=True, plotted=True),
        Column("times the floor", times(FLOOR_NAME, RATE), decimals=2, plotted=True),
    )
