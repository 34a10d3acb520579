"""Two hosts with one database behind PgBouncer, one Redis and one store, and nginx in front of them."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from django.contrib.auth.models import User
from django.db import connection

from s3_file_uploader.embedded import EmbeddedS3
from tests.integration.conftest import client_at
from tests.support.daemons import Nginx, PgBouncer, Redis
from tests.support.served import SERVICE, WSGI, Served

SETTINGS = "tests.integration.hosts.settings"
GUNICORN = (*WSGI, "--config", "deploy/gunicorn.conf.py")
ClientOf = Callable[..., httpx.Client]


@dataclass
class Hosts:
    """The servers of one site. `variables` is the environment of all its processes."""

    folder: Path
    one: Served
    two: Served
    nginx: Nginx
    bouncer: PgBouncer
    redis: Redis
    variables: dict[str, str]

    @property
    def url(self) -> str:
        """Return the URL of the service behind nginx."""
        return f"http://{self.nginx.address}{SERVICE}"

    @property
    def both(self) -> tuple[Served, Served]:
        return self.one, self.two

    @property
    def scans(self) -> list[str]:
        """Return the id of each larger file that was scanned, once for each scan."""
        return Path(self.variables["SCANS"]).read_text().split()

    @contextmanager
    def another(self, **variables: str) -> Iterator[Served]:
        """Run one more host, with variables of its own."""
        with Served(_made(self.folder / "another"), GUNICORN, **(self.variables | variables)) as served:
            yield served


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def site(django_db_setup: None, embedded_s3: EmbeddedS3, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    """Start everything once."""
    assert connection.vendor == "postgresql", "PgBouncer needs PostgreSQL: set TEST_DATABASE=postgresql."
    folder = tmp_path_factory.mktemp("hosts")
    with ExitStack() as stack:
        bouncer, redis = stack.enter_context(PgBouncer(folder)), stack.enter_context(Redis(folder))
        variables = {
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            "DJANGO_SECRET_KEY": "test-secret-key-of-all-hosts",
            "DATABASE_URL": bouncer.url("hosts"),
            "REDIS_URL": redis.url,
            "SCANS": str(folder / "scans"),
            **embedded_s3.environment(),
        }
        one, two = (stack.enter_context(Served(_made(folder / name), GUNICORN, **variables)) for name in ("one", "two"))
        nginx = stack.enter_context(Nginx(folder, one.port, two.port))
        yield Hosts(folder, one, two, nginx, bouncer, redis, variables)


@pytest.fixture
def hosts(transactional_db: None, site: Hosts) -> Hosts:
    Path(site.variables["SCANS"]).write_text("")
    return site


@pytest.fixture
def client(hosts: Hosts) -> Iterator[ClientOf]:
    """Return a function that makes clients of a URL: of nginx, or of one host."""
    with ExitStack() as stack:

        def client_of(person: User | None, url: str = hosts.url) -> httpx.Client:
            return stack.enter_context(client_at(url, person))

        yield client_of


@pytest.fixture
def straight() -> Iterator[httpx.Client]:
    """Return a client of the store."""
    with httpx.Client(timeout=60) as client:
        yield client
