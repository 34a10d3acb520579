"""Hundreds of slow clients in one process, which reads its plan from standard input and prints its figures."""

import asyncio
import json
import os
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

PIECES_PER_SECOND = 5
# Each client has an address of its own, as far as loopback has them, because nginx limits the requests of one.
ADDRESSES = 200
OVERLOADED = ("000", "502", "503", "504")


@dataclass
class Figures:
    """The answers of the uploads by status, 000 for none, and the milliseconds of the small requests."""

    statuses: dict[str, int] = field(default_factory=dict)
    unfinished: int = 0
    small_ms: list[float] = field(default_factory=list)
    small_failed: int = 0


async def send(plan: dict[str, Any], number: int, head: str, size: int) -> str:
    """Send a request whose body takes its time, and return the status of the answer."""
    host, port = plan["address"].split(":")
    source = (f"127.0.1.{number % ADDRESSES + 1}", 0)
    reader, writer = await asyncio.open_connection(host, int(port), local_addr=source)
    try:
        writer.write(f"{head}Content-Length: {size}\r\nConnection: close\r\n\r\n".encode())
        piece = os.urandom(plan["bytes_per_second"] // PIECES_PER_SECOND)
        began = time.perf_counter()
        for count, start in enumerate(range(0, size, len(piece)), 1):
            writer.write(piece[: size - start])
            await writer.drain()
            await asyncio.sleep(max(0.0, began + count / PIECES_PER_SECOND - time.perf_counter()))
        return (await reader.read())[9:12].decode() or "000"
    finally:
        writer.close()


async def upload(plan: dict[str, Any], number: int, figures: Figures) -> None:
    """Upload one file, and count the status of the answer."""
    await asyncio.sleep(number / plan["clients"] * plan["start_within_seconds"])
    head = f"PUT {plan['path']}slow-{number}/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: {plan['token']}\r\n"
    figures.unfinished += 1
    try:
        status = await send(plan, number, head, plan["size"])
    except OSError:
        status = "000"
    figures.unfinished -= 1
    figures.statuses[status] = figures.statuses.get(status, 0) + 1


async def ask(plan: dict[str, Any], figures: Figures) -> None:
    """Repeat the small requests until the task is cancelled."""
    number = 0
    while True:
        head = f"GET {plan['small'][number % len(plan['small'])]} HTTP/1.1\r\nHost: localhost\r\n"
        number += 1
        began = time.perf_counter()
        try:
            status = await send(plan, number, f"{head}Authorization: {plan['token']}\r\n", 0)
        except OSError:
            status = "000"
        figures.small_ms.append((time.perf_counter() - began) * 1000)
        figures.small_failed += status in OVERLOADED
        await asyncio.sleep(plan["pause_seconds"])


async def load(plan: dict[str, Any]) -> Figures:
    """Run all clients until the uploads end or the time is over."""
    figures = Figures()
    small = [asyncio.create_task(ask(plan, figures)) for _ in range(plan["small_clients"])]
    uploads = [asyncio.create_task(upload(plan, number, figures)) for number in range(plan["clients"])]
    _, late = await asyncio.wait(uploads, timeout=plan["seconds"])
    for task in (*small, *late):
        task.cancel()
    await asyncio.gather(*small, *late, return_exceptions=True)
    return figures


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(load(json.load(sys.stdin)))), sys.stdout)
