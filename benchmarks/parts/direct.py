"""Direct uploads: the cost of a start, and of signing parts, of this service and of others."""

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..load import FRESH, Job, connected, perform
from ..options import Options
from ..plots import bars
from ..postgresql import postgresql
from ..results import Result
from ..servers import COMPANION_HEADER_BYTES, OURS, RIVALS, SERVICE, served
from ..small_requests import CPU, MEDIAN, RATE, SHAPE, Kind, by_companion, by_rivals, by_us, measured
from ..stage import KIB, MIB, Stage, staged
from ..store import BUCKET
from ..tables import Column, Table, figure, times
from ..upload_ways import CONTENT_TYPE

FILE_NAME = f"{FRESH}.bin"
FILE_BYTES = MIB
# Sizes of parts: the default of this service, and that of django-s3-file-field.
PART_BYTES, LARGE_FILE_PART_BYTES, FIELD_PART_BYTES = 8 * MIB, 32 * MIB, 64 * MIB
FEW, MANY, MOST = 11, 1_000, 10_000

VIEW_STARTS = "DRF view: token, insert, boto3"
VIEW_SHOWS = "DRF view: the same, with a ModelSerializer"
VIEW_SIGNS = "DRF view: token, query, boto3"
FIELD = "django-s3-file-field: upload-initialize"
COMPANION_FORM = "@uppy/companion: GET s3/params"
COMPANION_MULTIPART = "@uppy/companion: POST s3/multipart, no URL"
COMPANION_ONE = "@uppy/companion: GET s3/multipart/../1"
COMPANION_BATCH = "@uppy/companion: GET s3/multipart/../batch"
ABOUT = (
    f"{SHAPE} Companion has as many processes of its own; it asks for no token and has no database. "
    "django-s3-file-field asks for the token and writes no record. The DRF view does both; without a serializer it "
    "looks at nothing that it is told, and shows no record. Where URLs are asked for by the thousand, one request is "
    "sent after the other, over one connection. django-s3-file-field signs for all parts when it starts an upload: "
    "there a call to S3 is in it, and no query. Companion gets part numbers in the query, and answers 431 to "
    f"{MOST:,} of them; for this its server was told to take {COMPANION_HEADER_BYTES // KIB} KiB of headers."
)


def measure(folder: Path, options: Options) -> Result:
    """Measure each table in rounds of its own."""
    with postgresql(folder) as url, staged(folder, database_url=url) as stage:
        begun = _begun(stage)
        tables = (
            _in_one_request(stage, options),
            _in_parts(stage, options),
            _one_url(stage, begun, options),
            *(_many_urls(stage, begun, count, options) for count in (MANY, MOST)),
        )
    title = "Direct uploads"
    return Result("direct", title, ABOUT, tables, partial(bars, title=title, tables=tables))


# --- starts ----------------------------------------------------------------------------------------------------------


def _in_one_request(stage: Stage, options: Options) -> Table:
    query = f"filename={FILE_NAME}&{urlencode({'type': CONTENT_TYPE})}"
    start = partial(_start, stage, size=FILE_BYTES)
    kinds = (
        Kind("companion", COMPANION_FORM, by_companion, Job("GET", f"/s3/params?{query}")),
        Kind("view", VIEW_STARTS, by_rivals, start("/presigned/")),
        Kind("serializer", VIEW_SHOWS, by_rivals, start("/serialized/")),
        Kind("ours", "ours: POST uploads/, put", by_us, start(f"{SERVICE}uploads/", strategy="put")),
    )
    title = "Start of an upload in one request"
    rate = _times("the view", VIEW_STARTS)
    cpu = (_times("its CPU", VIEW_STARTS, "cpu_ms"), _times("that with a serializer", VIEW_SHOWS, "cpu_ms"))
    return Table(title, (RATE, rate, CPU, *cpu, MEDIAN), measured(title, kinds, stage, options))


def _in_parts(stage: Stage, options: Options) -> Table:
    start, began = partial(_start, stage, size=FEW * PART_BYTES), {"filename": FILE_NAME, "type": CONTENT_TYPE}
    kinds = (
        _field_kind(stage, FEW),
        Kind("companion", COMPANION_MULTIPART, by_companion, _posted("/s3/multipart", began)),
        Kind("view", VIEW_STARTS, by_rivals, start("/multipart/")),
        Kind("ours", "ours: POST uploads/, multipart", by_us, start(f"{SERVICE}uploads/", strategy="multipart")),
    )
    title = f"Start of an upload of {FEW} parts"
    columns = (RATE, _times("s3-file-field", FIELD), CPU, MEDIAN)
    return Table(title, columns, measured(title, kinds, stage, options))


def _start(stage: Stage, path: str, *, size: int, **more: str) -> Job:
    body = {"bucket": BUCKET, "file_name": FILE_NAME, "size": size, "content_type": CONTENT_TYPE}
    return _posted(path, {**body, **more}, stage.authorization)


def _field_kind(stage: Stage, parts: int) -> Kind:
    field = {"field_id": "rivals.FieldRow.file", "file_name": FILE_NAME, "content_type": CONTENT_TYPE}
    body = {**field, "file_size": parts * FIELD_PART_BYTES}
    return Kind("field", FIELD, by_rivals, _posted("/s3-file-field/upload-initialize/", body, stage.authorization))


# --- more part URLs --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Begun:
    """Endpoints of contenders that return part URLs for a waiting upload of ten thousand parts."""

    ours: str
    view: str
    companion: str
    companion_key: str

    def companion_path(self, name: str, **query: str) -> str:
        """Return a URL of Companion. Its commas are not encoded, to keep the query short."""
        return f"{self.companion}/{name}?{urlencode({'key': self.companion_key, **query}, safe=',')}"


def _begun(stage: Stage) -> Begun:
    start = partial(_start, stage, f"{SERVICE}uploads/", size=MOST * LARGE_FILE_PART_BYTES)
    ours = _id_of(stage, OURS, start(strategy="multipart"))
    view = _id_of(stage, RIVALS, _start(stage, "/multipart/", size=MOST * PART_BYTES))
    key = "companion.bin"
    upload_id = stage.store.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    return Begun(f"{SERVICE}uploads/{ours}/parts/", f"/multipart/{view}/", f"/s3/multipart/{upload_id}", key)


def _id_of(stage: Stage, wsgi: str, job: Job) -> str:
    with served(wsgi, stage.environment, folder=stage.folder) as server, connected(server.address) as connection:
        return str(json.loads(perform(connection, job))["id"])


def _one_url(stage: Stage, begun: Begun, options: Options) -> Table:
    kinds = (
        Kind("companion", COMPANION_ONE, by_companion, Job("GET", begun.companion_path("1"))),
        *_signing_kinds(stage, begun, 1),
    )
    title = "One part URL"
    columns = (RATE, _times("Companion", COMPANION_ONE), CPU, MEDIAN)
    return Table(title, columns, measured(title, kinds, stage, options))


def _many_urls(stage: Stage, begun: Begun, count: int, options: Options) -> Table:
    numbers = ",".join(str(number) for number in _numbers(count))
    batch = Job("GET", begun.companion_path("batch", partNumbers=numbers))
    kinds = (
        _field_kind(stage, count),
        Kind("companion", COMPANION_BATCH, by_companion, batch),
        *_signing_kinds(stage, begun, count),
    )
    title = f"{count:,} part URLs in one request"
    median = Column("median ms", figure("median_ms"), with_range=True, plotted=True)
    ratios = (_times("s3-file-field", FIELD), _times("Companion", COMPANION_BATCH))
    return Table(title, (median, *ratios, CPU), measured(title, kinds, stage, options, one_at_a_time=True))


def _signing_kinds(stage: Stage, begun: Begun, count: int) -> tuple[Kind, ...]:
    part_numbers = {"part_numbers": list(_numbers(count))}
    return (
        Kind("view", VIEW_SIGNS, by_rivals, _posted(begun.view, part_numbers, stage.authorization)),
        Kind("ours", "ours: POST uploads/../parts/", by_us, _posted(begun.ours, part_numbers, stage.authorization)),
    )


def _numbers(count: int) -> range:
    return range(1, count + 1)


# --- both ------------------------------------------------------------------------------------------------------------


def _posted(path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> Job:
    return Job("POST", path, {"Content-Type": "application/json", **(headers or {})}, json.dumps(body))


def _times(who: str, base: str, name: str = "rate_per_second") -> Column:
    return Column(f"times {who}", times(base, name), decimals=2, plotted=name == "rate_per_second")
