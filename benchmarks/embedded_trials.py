"""Compare the stores that could be the embedded one: `python -m benchmarks.embedded_trials`, as root for the full disk.

It prints a table. Each trial starts a store of its own in a temporary folder.
"""

import socket
import subprocess
import sys
import tempfile
import threading
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from random import Random
from statistics import median
from typing import TYPE_CHECKING

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from .embedded_candidates import CANDIDATES, MIB, Candidate

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "trial"
FAILED = (BotoCoreError, ClientError, httpx.HTTPError)
SMALL_REQUESTS = 300
KILLS = 10
WRITERS = 4
KILLED_AFTER = 50
POLL_SECONDS = 0.01
TIMEOUT_SECONDS = 60
DISK_MIB = 400
RULES = {
    "CORS rules": ("put_bucket_cors", {"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["PUT"], "AllowedOrigins": ["http://a.example"]}]}}),  # noqa: E501
    "versioning": ("put_bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}),
    "lifecycle": ("put_bucket_lifecycle_configuration", {"LifecycleConfiguration": {"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 9}}]}}),  # noqa: E501
}  # fmt: skip
KEYS = {
    "`a//b`": "a//b",
    "leading `/`": "/a",
    "`a` beside `a/b`": "folder/key",
    "segment of 256 bytes": "s" * 256,
    "1,024 bytes": "/".join(["k" * 127] * 8),
    "unicode": "ä-漢字-🎉 +&?.txt",
}
Row = tuple[str, str]


# --- trials: each takes an empty folder and returns rows --------------------------------------------------------------


@contextmanager
def started(candidate: Candidate) -> "Iterator[S3Client]":
    """Run a store with one bucket."""
    candidate.start()
    try:
        client = candidate.client()
        client.create_bucket(Bucket=BUCKET)
        yield client
    finally:
        candidate.stop()


def try_start(make: Callable[[str], Candidate]) -> Iterator[Row]:
    """Measure start and end, the memory, and the addresses."""
    starts, ends = [], []
    candidate = make("start")
    for _ in range(3):
        starts.append(candidate.start())
        listening = _listening(candidate.pid)
        ends.append(candidate.stop())
    yield "installed, MiB", f"{candidate.program_mib():,.0f}"
    yield "licence", candidate.licence()
    yield "first start, s; later", f"{starts[0]:.1f}; {median(starts[1:]):.1f}"
    yield "TERM, s", f"{median(ends):.1f}"
    yield "listens on", f"{len(listening)} ports of {', '.join(sorted({address for address, _ in listening}))}"


def try_growth(make: Callable[[str], Candidate], gib: int = 3) -> Iterator[Row]:
    """Measure speed and memory with large files, and with small ones."""
    candidate = make("growth")
    with started(candidate) as client:
        memory = [candidate.memory_mib()]
        cpu, begun = candidate.cpu_seconds(), time.monotonic()
        rate = _put_small(client)
        yield "1 KiB: PUTs a second; CPU ms each", f"{rate:,.0f}; {_ms_each(candidate, cpu):.1f}"
        cpu, begun = candidate.cpu_seconds(), time.monotonic()
        for number in range(gib):
            _put_large(client, f"{number}", 1024)
            memory.append(candidate.memory_mib())
        per_gib = (candidate.cpu_seconds() - cpu) / gib
        yield "1 GiB by PUT: s; CPU s", f"{(time.monotonic() - begun) / gib:.1f}; {per_gib:.1f}"
        yield (
            "memory idle, after 1 GiB, after 3 GiB, MiB",
            ", ".join(f"{mib:,.0f}" for mib in (memory[0], memory[1], memory[-1])),
        )


def try_abilities(make: Callable[[str], Candidate]) -> Iterator[Row]:
    """Try what AWS does."""
    candidate = make("abilities")
    with started(candidate) as client:
        client.put_object(Bucket=BUCKET, Key="there", Body=b"a")
        yield "a port gives objects without keys", "yes" if _is_open(candidate) else "no"
        wrong = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
        tried: dict[str, bool] = {
            "`If-None-Match` of PUT": _refused(
                lambda: client.put_object(Bucket=BUCKET, Key="there", Body=b"b", IfNoneMatch="*")
            ),
            "`If-Match` of DELETE": _refused(lambda: client.delete_object(Bucket=BUCKET, Key="there", IfMatch='"0"')),
            "compares SHA-256": _refused(
                lambda: client.put_object(Bucket=BUCKET, Key="sha", Body=b"c", ChecksumSHA256=wrong)
            ),
            "POST forms": _posted(client),
            "range": _ranged(client),
        }
        tried |= {
            name: not _refused(lambda call=call, options=options: getattr(client, call)(Bucket=BUCKET, **options))
            for name, (call, options) in RULES.items()
        }
        yield "has", ", ".join(name for name, has in tried.items() if has)
        yield "lacks", ", ".join(name for name, has in tried.items() if not has) or "-"


def try_keys(make: Callable[[str], Candidate]) -> Iterator[Row]:
    """Write keys that a store of paths may not hold, and read them by their names."""
    with started(make("keys")) as client:
        client.put_object(Bucket=BUCKET, Key="folder/key/below", Body=b"other")
        failed = [name for name, key in KEYS.items() if not _is_kept(client, key)]
    yield "keys it cannot hold", ", ".join(failed) or "-"


def try_kills(make: Callable[[str], Candidate]) -> Iterator[Row]:
    """Kill the store under load, and look for each acknowledged object after its restart."""
    candidate, acknowledged, starts = make("kills"), dict[str, str](), []
    with started(candidate):
        for number in range(KILLS):
            _write_until_killed(candidate, acknowledged, number)
            starts.append(candidate.start())
        lost = _lost(candidate.client(), acknowledged)
    yield f"{KILLS} times KILL under load", f"{len(acknowledged)} acknowledged, {len(lost)} lost"
    yield "start after KILL, s", f"{median(starts):.1f}"


def try_full_disk(make: Callable[[str], Candidate]) -> Iterator[Row]:
    """Fill a small disk, read what was acknowledged, delete it, and write again."""
    candidate = make("disk")
    with _small_disk(candidate.folder), started(candidate) as client:
        acknowledged, error = dict[str, str](), ""
        while not error and len(acknowledged) < DISK_MIB:
            key = f"{len(acknowledged)}"
            try:
                acknowledged[key] = _put_large(client, key, 8)
            except FAILED as refusal:
                acknowledged.pop(key, None)
                error = str(getattr(refusal, "response", {}).get("Error", {}).get("Code") or type(refusal).__name__)
        lost = _lost(client, acknowledged)
        for key in acknowledged:
            with suppress(*FAILED):
                client.delete_object(Bucket=BUCKET, Key=key)
        again = _seconds_until(lambda: _put_large(client, "again", 8))
    yield f"disk of {DISK_MIB} MiB", f"full after {8 * len(acknowledged)} MiB with {error}, {len(lost)} lost"
    yield "writes again after deletion", "no" if again is None else f"after {again:.0f} s"


TRIALS = (try_start, try_abilities, try_keys, try_kills, try_full_disk, try_growth)


# --- steps of the trials ----------------------------------------------------------------------------------------------


def _listening(pid: int) -> list[tuple[str, str]]:
    """Return each address and port on which a process listens."""
    listed = subprocess.run(["ss", "-ltnpH"], capture_output=True, text=True, check=True).stdout.splitlines()
    sockets = [line.split()[3].rpartition(":") for line in listed if f"pid={pid}," in line]
    return [(address, port) for address, _, port in sockets]


def _is_open(candidate: Candidate) -> bool:
    """Return True if another port than that of S3 gives an object to a client without keys."""
    for address, port in _listening(candidate.pid):
        with suppress(httpx.HTTPError):
            if httpx.get(f"http://{address}:{port}/buckets/{BUCKET}/there", timeout=10).content == b"a":
                return True
    return False


def _put_small(client: "S3Client") -> float:
    begun = time.monotonic()
    for number in range(SMALL_REQUESTS):
        client.put_object(Bucket=BUCKET, Key=f"small/{number}", Body=b"x" * 1024)
    return SMALL_REQUESTS / (time.monotonic() - begun)


def _ms_each(candidate: Candidate, cpu: float) -> float:
    return (candidate.cpu_seconds() - cpu) / SMALL_REQUESTS * 1000


def _put_large(client: "S3Client", key: str, size_mib: int) -> str:
    """Send random bytes by one presigned PUT, so that this process does not hash them. Return their SHA-256."""
    block = Random(key).randbytes(MIB)  # noqa: S311 - no secret
    url = client.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": key})
    answer = httpx.put(
        url,
        content=(block for _ in range(size_mib)),
        headers={"Content-Length": f"{size_mib * MIB}"},
        timeout=TIMEOUT_SECONDS,
    )
    if answer.is_error:
        code = answer.text.partition("<Code>")[2].partition("</Code>")[0] or f"HTTP {answer.status_code}"
        raise ClientError({"Error": {"Code": code}}, "PutObject")
    digest = sha256()
    for _ in range(size_mib):
        digest.update(block)
    return digest.hexdigest()


def _refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except FAILED:
        return True
    return False


def _posted(client: "S3Client") -> bool:
    form = client.generate_presigned_post(BUCKET, "posted", Conditions=[["content-length-range", 1, 3]])
    statuses = [
        httpx.post(form["url"], data=form["fields"], files={"file": content}).is_success for content in (b"a", b"long")
    ]
    return statuses == [True, False]


def _ranged(client: "S3Client") -> bool:
    client.put_object(Bucket=BUCKET, Key="range", Body=b"0123456789")
    return client.get_object(Bucket=BUCKET, Key="range", Range="bytes=-3")["Body"].read() == b"789"


def _is_kept(client: "S3Client", key: str) -> bool:
    try:
        client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
        listed = client.list_objects_v2(Bucket=BUCKET, Prefix=key)
        is_listed = key in [entry["Key"] for entry in listed.get("Contents", ())]
        return is_listed and client.get_object(Bucket=BUCKET, Key=key)["Body"].read() == key.encode()
    except FAILED:
        return False


def _write_until_killed(candidate: Candidate, acknowledged: dict[str, str], number: int) -> None:
    client, over, before = candidate.client(), threading.Event(), len(acknowledged)

    def write(writer: int) -> None:
        count = 0
        while not over.is_set():
            key, body = f"{number}/{writer}/{count}", Random(count).randbytes(200_000)  # noqa: S311 - no secret
            with suppress(*FAILED):
                client.put_object(Bucket=BUCKET, Key=key, Body=body)
                acknowledged[key] = sha256(body).hexdigest()
            count += 1

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
    for thread in writers:
        thread.start()
    while len(acknowledged) < before + KILLED_AFTER:
        time.sleep(POLL_SECONDS)
    candidate.kill()
    over.set()
    for thread in writers:
        thread.join()


def _lost(client: "S3Client", acknowledged: dict[str, str]) -> list[str]:
    return [key for key, checksum in acknowledged.items() if _checksum(client, key) != checksum]


def _checksum(client: "S3Client", key: str) -> str:
    try:
        return sha256(client.get_object(Bucket=BUCKET, Key=key)["Body"].read()).hexdigest()
    except FAILED:
        return ""


@contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _seconds_until(call: Callable[[], object], within: float = 60) -> float | None:
    begun = time.monotonic()
    while time.monotonic() - begun < within:
        if not _refused(call):
            return time.monotonic() - begun
        time.sleep(1)
    return None


# --- the table --------------------------------------------------------------------------------------------------------


def main() -> None:
    """Print a row for each result, a column for each store."""
    parser = ArgumentParser("benchmarks.embedded_trials", description=__doc__)
    names = {trial.__name__.removeprefix("try_"): trial for trial in TRIALS}
    parser.add_argument("--only", choices=names, nargs="+", default=list(names))
    rows: dict[str, list[str]] = {}
    for number, kind in enumerate(CANDIDATES):
        for trial in (names[name] for name in parser.parse_args().only):
            with tempfile.TemporaryDirectory(prefix="trials.", ignore_cleanup_errors=True) as base:
                for name, value in trial(lambda part, base=base, kind=kind: kind(Path(base) / part)):
                    print(f"{kind.name}: {name}: {value}", file=sys.stderr)
                    rows.setdefault(name, ["-"] * number).append(value)
    print(f"\n| | {' | '.join(kind.name for kind in CANDIDATES)} |\n|---|{'---|' * len(CANDIDATES)}")
    for name, values in rows.items():
        print(f"| {name} | {' | '.join(values)} |")


if __name__ == "__main__":
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    main()
