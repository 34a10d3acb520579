"""Count the queries and measure the milliseconds of every page of the admin on a large PostgreSQL.

    .venv/bin/python -m benchmarks.admin_pages [--rows 1000000] [--database URL]

It fills a database of its own, or uses one that it filled before. The pages are requested in this process, so neither a
web server nor a network takes part. No page calls the store. The milliseconds are those of the fastest of seven
requests, because other programs may run on the machine. The CPU of this process and of PostgreSQL is the median.
"""

import argparse
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from .postgresql import postgresql

MAX_QUERIES, MAX_MS = 20, 300
REQUESTS = 7
APP = "/admin/s3_file_uploader"


@dataclass(frozen=True)
class Page:
    """A page of the admin. `{upload}`, `{user}` and others are filled in."""

    name: str
    path: str
    post: dict[str, str] | None = None


PAGES = (
    Page("index", "/admin/"),
    *(
        Page(f"uploads{name}", f"{APP}/fileupload/{query}")
        for name, query in (
            ("", ""),
            (", last page", "?p=200"),
            (", oldest first", "?o=8"),
            (", status=stored", "?status__exact=stored"),
            (", status=pending", "?status__exact=pending"),
            (", status=rejected", "?status__exact=rejected"),
            (", user", "?user={user}"),
            (", user with most", "?user={first_user}"),
            (", without a user", "?user=-"),
            (", bucket with most", "?bucket=bucket-00"),
            (", bucket with fewest", "?bucket=bucket-11"),
            (", unknown bucket", "?bucket=nothing"),
            (", content type", "?content_type=application/pdf"),
            (", this year", "?created_at__gte=2026-01-01+00:00:00%2B00:00&created_at__lt=2027-01-01+00:00:00%2B00:00"),
            (", rejected in a bucket", "?bucket=bucket-11&status__exact=rejected"),
            (", PDF without a user", "?user=-&content_type=application/pdf"),
            (", search: key", "?q=bucket/none"),
            (", search: id", "?q={upload}"),
            (", search: login name", "?q=user000777"),
            (", search: part of a name", "?q=invoice"),
            (", search: nothing", "?q=zebra-nowhere"),
            (", search: many users", "?q=user0"),
            (", search in a filter", "?q=invoice&bucket=bucket-11&status__exact=rejected"),
        )
    ),
    Page("upload", f"{APP}/fileupload/{{upload}}/change/"),
    Page("upload, history", f"{APP}/fileupload/{{upload}}/history/"),
    Page("upload, delete", f"{APP}/fileupload/{{upload}}/delete/"),
    Page("uploads, delete 50", f"{APP}/fileupload/", {"action": "delete_selected"}),
    Page("uploads, share 50", f"{APP}/fileupload/", {"action": "share_files"}),
    Page("sums", f"{APP}/fileupload/usage/"),
    Page("sums of a user", f"{APP}/fileupload/usage/?user={{first_user}}"),
    Page("sums of a bucket", f"{APP}/fileupload/usage/?bucket=bucket-00"),
    Page(
        "complete a user name",
        "/admin/autocomplete/?app_label=s3_file_uploader&model_name=fileupload&field_name=user&term=user0007",
    ),
    *(
        Page(f"share links{name}", f"{APP}/sharelink/{query}")
        for name, query in (
            ("", ""),
            (", usable", "?state=usable"),
            (", expired", "?state=expired"),
            (", revoked", "?state=revoked"),
            (", used up", "?state=used_up"),
            (", of an upload", "?upload={upload}"),
            (", of a user", "?user={first_user}"),
            (", search: id", "?q={link}"),
            (", search: login name", "?q=user000001"),
            (", search: nothing", "?q=zebra-nowhere"),
        )
    ),
    Page("share link", f"{APP}/sharelink/{{link}}/change/"),
    Page("share link, delete", f"{APP}/sharelink/{{link}}/delete/"),
    *(
        Page(f"events{name}", f"{APP}/auditevent/{query}")
        for name, query in (
            ("", ""),
            (", last page", "?p=200"),
            (", done", "?outcome=done"),
            (", refused", "?outcome=not_done"),
            (", frequent action", "?action=file_upload"),
            (", rare action", "?action=share_revoke"),
            (", action without events", "?action=cors_change"),
            (", refused rare action", "?action=share_revoke&outcome=not_done"),
            (", of a user", "?user={first_user}"),
            (", search: login name", "?q=user000001"),
            (", search: key", "?q={place}"),
            (", search: id", "?q={upload}"),
            (", search: address", "?q=203.0.113.7"),
            (", search: nothing", "?q=zebra-nowhere"),
        )
    ),
    Page("event", f"{APP}/auditevent/{{event}}/change/"),
    Page("upload tokens", f"{APP}/uploadtoken/"),
)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000, help="uploads, and audit events")
    parser.add_argument("--database", help="URL of a database that this script filled before")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="admin-pages.") as folder, _database(Path(folder), options.database) as url:
        _set_up(Path(folder), url)
        if options.database is None:
            _fill(options.rows)
        _measure()


@contextmanager
def _database(folder: Path, url: str | None) -> Iterator[str]:
    if url is not None:
        yield url
        return
    with postgresql(folder) as own:
        yield own


def _set_up(folder: Path, url: str) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "modules.settings",
        "DATABASE_URL": url,
        "DATA_DIR": str(folder),
        "PYTHON_DOTENV_DISABLED": "true",
        "EMBEDDED_S3": "false",
        "AWS_S3_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        "DJANGO_LOG_LEVEL": "WARNING",
    }
    import django  # noqa: PLC0415 - the environment above comes first

    django.setup()


def _fill(rows: int) -> None:
    from django.core.management import call_command  # noqa: PLC0415

    from .admin_rows import fill  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    print(f"Filling {rows:,} uploads ...", flush=True)
    fill(rows)


def _measure() -> None:
    from django.contrib.auth import get_user_model  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.test.utils import CaptureQueriesContext  # noqa: PLC0415

    users: Any = get_user_model().objects
    staff, _ = users.get_or_create(username="admin-pages", defaults={"is_staff": True, "is_superuser": True})
    client = Client(headers={"host": "localhost"})
    client.force_login(staff)
    names = _find_names()
    print(f"{'page':34} {'queries':>7} {'ms':>6} {'in SQL':>6} {'CPU':>6}")
    for page in PAGES:
        path, body = page.path.format(**names), _body(page, names)
        times = []
        for _ in range(REQUESTS):
            with CaptureQueriesContext(connection) as queries:
                started, cpu = time.perf_counter(), _cpu_seconds(connection)
                answer = client.get(path) if body is None else client.post(path, body)
                answer.content  # noqa: B018 - it is rendered by now, whatever its class
                times.append((time.perf_counter() - started, _cpu_seconds(connection) - cpu))
        if answer.status_code != 200:  # noqa: PLR2004
            raise SystemExit(f"{path}: {answer.status_code}")
        walls, cpus = zip(*times, strict=True)
        took, used = min(walls) * 1000, median(cpus) * 1000
        in_sql = sum(float(query["time"]) for query in queries) * 1000
        mark = "  <-- over the limit" if took > MAX_MS or len(queries) > MAX_QUERIES else ""
        print(f"{page.name:34} {len(queries):7} {took:6.0f} {in_sql:6.0f} {used:6.0f}{mark}", flush=True)


def _cpu_seconds(connection: Any) -> float:
    """Return the CPU of this process and of its PostgreSQL process, which other programs cannot disturb."""
    connection.ensure_connection()
    fields = Path(f"/proc/{connection.connection.info.backend_pid}/stat").read_text().rpartition(")")[2].split()
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _find_names() -> dict[str, str]:
    from s3_file_uploader.models import AuditEvent, FileUpload, ShareLink  # noqa: PLC0415

    link = ShareLink.objects.select_related("upload").exclude(upload__user=None).order_by("created_at")[100]
    users = FileUpload.objects.exclude(user=None).order_by("user_id").values_list("user_id", flat=True)
    event = AuditEvent.objects.exclude(user_id="").order_by("-created_at")[0]
    return {
        "upload": str(link.upload_id),
        "link": str(link.pk),
        "user": str(link.upload.user_id),
        "first_user": str(users[0]),
        "event": str(event.pk),
        "place": f"{link.upload.bucket}/{link.upload.file_name}",
    }


def _body(page: Page, names: dict[str, str]) -> dict[str, Any] | None:
    from s3_file_uploader.models import FileUpload  # noqa: PLC0415

    if page.post is None:
        return None
    stored = FileUpload.objects.stored().order_by("-created_at").values_list("pk", flat=True)[:50]
    return {**page.post, "_selected_action": [str(pk) for pk in stored]}


if __name__ == "__main__":
    main()
