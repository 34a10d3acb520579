"""Every setting of this app, read at each access: nothing is cached, so `override_settings` just works.

Signatures are the exception: they read the settings once a second, and again after `override_settings`.

The `AWS_*` settings and PATH_TO_SAVE_FILE come from the Django settings. If a setting is absent there, the environment
variable of the same name counts. An empty value counts as not set. All others are Django settings only.
With S3_FILE_UPLOADER_EMBEDDED, region, keys and endpoint are those of the embedded S3.
No other module reads `django.conf.settings` or `os.environ` for this app.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core import mail
from django.core.cache import DEFAULT_CACHE_ALIAS

from .exceptions import StorageNotConfigured
from .values import (
    ABILITIES,
    LARGE_OBJECTS,
    MAX_OBJECT_BYTES,
    PAYLOAD_HASH_IN_URLS,
    POST_FORMS,
    USUAL_ABILITIES,
    USUAL_MAX_OBJECT_BYTES,
    gib,
    mib,
)

if TYPE_CHECKING:
    from .embedded import EmbeddedS3

PREFIX = "S3_FILE_UPLOADER_"
# `dnsSuffix` and `dualStackDnsSuffix` of the public partitions in `partitions.json` of botocore.
AWS_DOMAINS = (
    "amazonaws.com",
    "api.aws",
    "amazonaws.com.cn",
    "api.amazonwebservices.com.cn",
    "amazonaws.eu",
    "api.amazonwebservices.eu",
)
CA_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
CACHES_OF_ONE = (
    "django.core.cache.backends.locmem.LocMemCache",
    "django.core.cache.backends.dummy.DummyCache",  # This cache counts nothing at all.
)
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html - for all tools of AWS, most specific first.
ENDPOINT_VARIABLES = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
WhenUserDeleted = Literal["keep", "protect", "delete"]


def _text(name: str) -> str | None:
    return getattr(settings, name, None) or os.environ.get(name) or None


def _own(name: str, default: Any) -> Any:
    return getattr(settings, f"{PREFIX}{name}", default)


def _store_text(name: str) -> str | None:
    """Return a setting of the store: of the embedded S3, if that is set."""
    folder = conf.embedded_folder
    if not folder:
        return getattr(settings, name, None) or os.environ.get(name) or None
    from .embedded import EmbeddedS3, EmbeddedS3Error  # noqa: PLC0415 - development only, and it needs a POSIX system

    try:
        return EmbeddedS3(folder).environment()[name] or None
    except EmbeddedS3Error as error:
        raise StorageNotConfigured(str(error)) from error


class Conf:
    """The settings as typed properties; `conf` below is the one instance."""

    # --- the store -----------------------------------------------------------------------------------------------

    @property
    def embedded_folder(self) -> Path | str | None:
        """S3_FILE_UPLOADER_EMBEDDED, the folder of the embedded S3; None means a store of one's own.

        A value that is not a path, or is the path of a file, counts as None; check E019 reports it.
        """
        folder = _own("EMBEDDED", None)
        return folder or None if isinstance(folder, str | Path) and not Path(folder).is_file() else None

    @property
    def named_beside_embedded(self) -> list[str]:
        """The settings that name another store although S3_FILE_UPLOADER_EMBEDDED is set."""
        if not self.embedded_folder:
            return []
        keys = [name for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY") if _text(name)]
        return [*keys, self.endpoint_name] if _text(self.endpoint_name) else keys

    def start_embedded_s3(self) -> "EmbeddedS3 | None":
        """Start the embedded S3, or find it running, if it is set and this process does not use it yet.

        Returns:
            The store, on the call that entered it.

        Raises:
            StorageNotConfigured: it cannot be started, another store is named beside it, or a test run would use it.
        """
        folder = self.embedded_folder
        if not folder:
            return None
        if self.named_beside_embedded:
            names = ", ".join(self.named_beside_embedded)
            raise StorageNotConfigured(f"S3_FILE_UPLOADER_EMBEDDED is set beside {names}: leave out one or the other.")
        from .embedded import EmbeddedS3Error, is_entered, keep_running  # noqa: PLC0415 - see above

        # Test runners of Django create the outbox. Tests must not write into the store of the development server.
        if hasattr(mail, "outbox") and not is_entered(folder):
            raise StorageNotConfigured("Tests do not start the embedded S3: use the fixture `embedded_s3`.")
        try:
            return keep_running(folder)
        except EmbeddedS3Error as error:
            raise StorageNotConfigured(str(error)) from error

    @property
    def region(self) -> str:
        """AWS_STORAGE_REGION, else AWS's own variables; us-east-1 by default for a store other than AWS.

        Raises:
            StorageNotConfigured: no region is set, and AWS needs one.
        """
        named = (
            _store_text("AWS_STORAGE_REGION") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        )
        if named:
            return named
        if not self.is_aws:
            return "us-east-1"
        raise StorageNotConfigured("Set AWS_STORAGE_REGION to the region of your buckets, for example eu-west-1.")

    @property
    def access_key_id(self) -> str | None:
        """AWS_ACCESS_KEY_ID; without keys, boto3 uses the role of the machine."""
        return _store_text("AWS_ACCESS_KEY_ID")

    @property
    def secret_access_key(self) -> str | None:
        """AWS_SECRET_ACCESS_KEY, the other half of the pair."""
        return _store_text("AWS_SECRET_ACCESS_KEY")

    @property
    def session_token(self) -> str | None:
        """AWS_SESSION_TOKEN, for temporary keys only."""
        return _store_text("AWS_SESSION_TOKEN")

    @property
    def endpoint_name(self) -> str:
        """Name of the setting or variable of `endpoint_url`: AWS_S3_ENDPOINT_URL, else one of AWS's own variables."""
        is_ignored = (os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or "").lower() == "true"
        candidates = () if _text("AWS_S3_ENDPOINT_URL") or is_ignored else ENDPOINT_VARIABLES
        return next((name for name in candidates if os.environ.get(name)), "AWS_S3_ENDPOINT_URL")

    @property
    def endpoint_url(self) -> str | None:
        """AWS_S3_ENDPOINT_URL, the address at which this server reaches the store; None means AWS.

        The variables of AWS count where it is not set. The `endpoint_url` of a profile is not read.
        """
        return _store_text("AWS_S3_ENDPOINT_URL") or os.environ.get(self.endpoint_name) or None

    @property
    def public_endpoint_url(self) -> str | None:
        """AWS_S3_PUBLIC_ENDPOINT_URL, the address of the store for clients; presigned URLs are signed for it."""
        return self.own_public_endpoint_url or self.endpoint_url

    @property
    def own_public_endpoint_url(self) -> str | None:
        """AWS_S3_PUBLIC_ENDPOINT_URL as it is set, or None."""
        return _text("AWS_S3_PUBLIC_ENDPOINT_URL")

    @property
    def is_aws(self) -> bool:
        """True without an endpoint URL, or with one of S3 at AWS, such as that of a VPC endpoint.

        Other hosts of AWS, such as a load balancer, may serve any store.
        """
        host = (_parse_host(self.endpoint_url) or "") if self.endpoint_url else f"s3.{AWS_DOMAINS[0]}"
        is_s3 = any(label == "s3" or label.startswith("s3-") for label in host.split("."))
        return is_s3 and any(host.endswith(f".{domain}") for domain in AWS_DOMAINS)

    @property
    def ca_bundle(self) -> str | None:
        """AWS_CA_BUNDLE or REQUESTS_CA_BUNDLE, variables that boto3 reads: a file of the certificates to trust."""
        return next(filter(None, map(os.environ.get, CA_BUNDLES)), None)

    @property
    def addressing_style(self) -> str:
        """AWS_S3_ADDRESSING_STYLE: by default `virtual` on AWS, and `path` elsewhere."""
        return _text("AWS_S3_ADDRESSING_STYLE") or ("virtual" if self.is_aws else "path")

    @property
    def store_abilities(self) -> Collection[str]:
        """S3_FILE_UPLOADER_STORE, the abilities of the store: by default all on AWS, and `USUAL_ABILITIES` elsewhere.

        The embedded store has abilities of its own.
        """
        if self.embedded_folder:
            return cast("Collection[str]", _own("STORE", (PAYLOAD_HASH_IN_URLS, POST_FORMS)))
        return cast("Collection[str]", _own("STORE", ABILITIES if self.is_aws else USUAL_ABILITIES))

    def store_can(self, ability: str) -> bool:
        """Return True if the store has an ability, one of `values.ABILITIES`."""
        return ability in (self.store_abilities or ())

    @property
    def max_object_bytes(self) -> int:
        """Bytes of the largest object of the store."""
        return MAX_OBJECT_BYTES if self.store_can(LARGE_OBJECTS) else USUAL_MAX_OBJECT_BYTES

    @property
    def connect_timeout_seconds(self) -> float:
        """Seconds that one attempt to connect to S3 may take, and S3 to take 64 KiB of an upload."""
        return float(_own("CONNECT_TIMEOUT_SECONDS", 3))

    @property
    def read_timeout_seconds(self) -> float:
        """Seconds that S3 may be silent within one attempt."""
        return float(_own("READ_TIMEOUT_SECONDS", 20))

    @property
    def max_attempts(self) -> int:
        """Number of attempts of one S3 call, including the first."""
        return int(_own("MAX_ATTEMPTS", 3))

    @property
    def max_pool_connections(self) -> int:
        """Connections to S3 that one process keeps: its threads, times the parts in flight."""
        return int(_own("MAX_POOL_CONNECTIONS", 50))

    @property
    def retry_after_seconds(self) -> int:
        """Seconds of `Retry-After` in the answer when S3 cannot be reached."""
        return int(_own("RETRY_AFTER_SECONDS", 5))

    # --- new buckets ---------------------------------------------------------------------------------------------

    @property
    def cors_origins(self) -> Sequence[str]:
        """Origins whose pages may upload to new buckets and read from them; an empty list sets no CORS rules."""
        return cast(Sequence[str], _own("CORS_ORIGINS", ()))

    @property
    def abort_multipart_days(self) -> int | None:
        """Days after which S3 aborts a multipart upload in a new bucket; None sets no such rule."""
        return cast("int | None", _own("ABORT_MULTIPART_DAYS", 7))

    # --- the path of a file --------------------------------------------------------------------------------------

    @property
    def download_folder(self) -> Path:
        """PATH_TO_SAVE_FILE, the folder in which `download/` saves.

        Raises:
            StorageNotConfigured: it is not set.
        """
        folder = _text("PATH_TO_SAVE_FILE")
        if not folder:
            raise StorageNotConfigured("Set PATH_TO_SAVE_FILE to a folder that this server may write to.")
        return Path(folder)

    @property
    def download_max_bytes(self) -> int | None:
        """Bytes that all saved copies may take in that folder; None means all but the last 5 % of the disk."""
        size = _own("DOWNLOAD_MAX_BYTES", gib(10))
        return None if size is None else int(size)

    @property
    def download_days(self) -> float | None:
        """Days until housekeeping removes a saved copy; None keeps it as long as the file."""
        days = _own("DOWNLOAD_DAYS", 30)
        return None if days is None else float(days)

    @property
    def part_size_bytes(self) -> int:
        """Size of a part, 5 MiB to 5 GiB; smaller files go up in one PUT. Three parts are held in memory.

        5 MiB by default, the smallest part of S3, because three parts in memory are 15 MiB.
        """
        return int(_own("PART_SIZE_BYTES", mib(5)))

    @property
    def sign_parts(self) -> bool:
        """True if the SHA-256 of each PUT is signed, so that S3 compares it, at the cost of hashing every file twice.

        True by default over plain http to another machine, where nothing else protects the bytes.
        """
        choice = _own("SIGN_PARTS", None)
        return is_unguarded(self.endpoint_url) if choice is None else bool(choice)

    @property
    def claim_seconds(self) -> int:
        """Seconds after which the claim of a silent request on a key expires.

        It must exceed one S3 call with all its retries, or a slow request could lose its key to another.
        """
        return int(_own("CLAIM_SECONDS", 900))

    @property
    def idempotency_seconds(self) -> int:
        """Seconds for which an Idempotency-Key is remembered, at least; housekeeping deletes it then."""
        return int(_own("IDEMPOTENCY_SECONDS", 7 * 86_400))

    @property
    def body_timeout_seconds(self) -> float:
        """Seconds in all that a small body without a file may take, with gunicorn.

        Even at 1 KB a second, 30 KB arrive within the default; requests of this API are much smaller.
        """
        return float(_own("BODY_TIMEOUT_SECONDS", 30))

    @property
    def form_timeout_seconds(self) -> float:
        """Seconds in all that a form or a body above 2.5 MiB may take, except an upload to a view of this app.

        Long, because the host's own upload views have the same limit under `GuardMiddleware`.
        """
        return float(_own("FORM_TIMEOUT_SECONDS", 3600))

    @property
    def client_timeout_seconds(self) -> float:
        """Seconds for which a client may be silent while it sends a file, with gunicorn or `s3_file_uploader.asgi`.

        With other servers, a proxy has to end such connections.
        """
        return float(_own("CLIENT_TIMEOUT_SECONDS", 60))

    @property
    def client_bytes_per_second(self) -> int:
        """Lowest rate at which a client may send a file, averaged over `client_timeout_seconds`.

        500 is the default of Apache: one slot of GPRS in bad reception carries about 1000 bytes a second.
        https://httpd.apache.org/docs/2.4/mod/mod_reqtimeout.html
        """
        return int(_own("CLIENT_BYTES_PER_SECOND", 500))

    @property
    def asgi_streams(self) -> int:
        """Number of uploads that `s3_file_uploader.asgi` streams at once in a process, each in a thread of its own.

        Django collects the bodies of further ones, in temporary files.
        """
        return int(_own("ASGI_STREAMS", 16))

    # --- direct uploads: the client sends to S3 itself -----------------------------------------------------------

    @property
    def direct_prefix(self) -> str:
        """Prefix of the keys of direct uploads."""
        return str(_own("DIRECT_PREFIX", "uploads/"))

    @property
    def direct_strategies(self) -> Sequence[str]:
        """Strategies that clients may use, of put, post and multipart; post by default if the store has forms."""
        forms = ("post",) if self.store_can(POST_FORMS) else ()
        return cast(Sequence[str], _own("DIRECT_STRATEGIES", ("put", *forms, "multipart")))

    @property
    def direct_part_size_bytes(self) -> int | None:
        """Size of a part of a direct upload, if 10,000 parts are enough; None chooses by the size of the file."""
        size = _own("DIRECT_PART_SIZE_BYTES", None)
        return None if size is None else int(size)

    @property
    def direct_multipart_from_bytes(self) -> int:
        """Size from which files are sent in parts, and so can be resumed, unless the client chooses."""
        return int(_own("DIRECT_MULTIPART_FROM_BYTES", mib(16)))

    @property
    def direct_url_expiration_seconds(self) -> int:
        """Seconds for which a signed URL accepts bytes; it is short, because a URL cannot be revoked."""
        return int(_own("DIRECT_URL_EXPIRATION_SECONDS", 3600))

    @property
    def direct_expiration_seconds(self) -> int:
        """Seconds after which a direct upload without a request of its client expires."""
        return int(_own("DIRECT_EXPIRATION_SECONDS", 86_400))

    @property
    def direct_max_seconds(self) -> int:
        """Seconds that a direct upload may take in all, counted from its start."""
        return int(_own("DIRECT_MAX_SECONDS", 7 * 86_400))

    # --- Uppy ----------------------------------------------------------------------------------------------------

    @property
    def uppy_bucket(self) -> str:
        """Bucket of the files for which Uppy names none.

        Raises:
            StorageNotConfigured: it is not set.
        """
        bucket = self.uppy_bucket_name
        if not bucket:
            raise StorageNotConfigured("Set S3_FILE_UPLOADER_UPPY_BUCKET, or have Uppy send `bucket` in the metadata.")
        return bucket

    @property
    def uppy_bucket_name(self) -> str | None:
        """S3_FILE_UPLOADER_UPPY_BUCKET as it is set, or None."""
        return cast("str | None", _own("UPPY_BUCKET", None))

    @property
    def uppy_token_max_seconds(self) -> int:
        """Longest life of an upload token that a client may request."""
        return int(_own("UPPY_TOKEN_MAX_SECONDS", 86_400))

    # --- reading files -------------------------------------------------------------------------------------

    @property
    def redirect_expiration_seconds(self) -> int:
        """Seconds for which the URL works to which a GET of a file redirects; long enough to begin a download."""
        return int(_own("REDIRECT_EXPIRATION_SECONDS", 300))

    # --- share links ---------------------------------------------------------------------------------------------

    @property
    def share_max_seconds(self) -> int:
        """Longest life of a share link that a client may request."""
        return int(_own("SHARE_MAX_SECONDS", 30 * 86_400))

    # --- attached uploads ----------------------------------------------------------------------------------------

    @property
    def unattached_seconds(self) -> int | None:
        """Seconds after which housekeeping removes a file that no upload field refers to; None removes none."""
        seconds = _own("UNATTACHED_SECONDS", None)
        return None if seconds is None else int(seconds)

    @property
    def form_bucket(self) -> str | None:
        """Bucket of the files that forms upload, for upload fields that name none."""
        return cast("str | None", _own("FORM_BUCKET", None))

    # --- scanners ------------------------------------------------------------------------------------------------

    @property
    def scanner_paths(self) -> Sequence[str]:
        """Dotted paths of the scanners, not imported; files stay in quarantine until they are found clean."""
        return cast(Sequence[str], _own("SCANNERS", ()))

    @property
    def scan_in_request_bytes(self) -> int:
        """Size up to which files are scanned before the answer; larger ones are scanned later. 0 scans all later."""
        return int(_own("SCAN_IN_REQUEST_BYTES", mib(5)))

    @property
    def scan_task_backend(self) -> str | None:
        """Backend in TASKS that scans the other files; without one, `s3_scan` scans them."""
        return cast("str | None", _own("SCAN_TASK_BACKEND", None))

    @property
    def scan_too_large(self) -> str:
        """Rule for files that are too large for a scanner: `wait` in quarantine, or `pass` unscanned."""
        return str(_own("SCAN_TOO_LARGE", "wait"))

    @property
    def clamav_address(self) -> str:
        """Address of the daemon of ClamAV: the path of its socket, or `host:port`."""
        return str(_own("CLAMAV_ADDRESS", "/run/clamav/clamd.ctl"))

    @property
    def clamav_timeout_seconds(self) -> float:
        """Seconds for which the daemon may be silent; it scans the whole file at its end before it answers."""
        return float(_own("CLAMAV_TIMEOUT_SECONDS", 60))

    @property
    def clamav_max_bytes(self) -> int:
        """Size above which files are not sent to the daemon; it calls files above its MaxFileSize clean unscanned."""
        return int(_own("CLAMAV_MAX_BYTES", mib(100)))

    # --- the console ---------------------------------------------------------------------------------------------

    @property
    def csrf_cookie_name(self) -> str | None:
        """CSRF_COOKIE_NAME of Django, or None if scripts of a page cannot read the token from a cookie."""
        hidden = settings.CSRF_COOKIE_HTTPONLY or settings.CSRF_USE_SESSIONS
        return None if hidden else str(settings.CSRF_COOKIE_NAME)

    # --- permissions -------------------------------------------------------------------------------------------------

    @property
    def allowed_buckets(self) -> Sequence[str] | None:
        """Names or shell patterns of the buckets open to all users; None means all. Staff see every bucket."""
        return cast("Sequence[str] | None", _own("ALLOWED_BUCKETS", None))

    def bucket_is_allowed(self, name: str) -> bool:
        """Return True if users who are not staff may use the bucket."""
        return self.allowed_buckets is None or any(fnmatchcase(name, pattern) for pattern in self.allowed_buckets)

    @property
    def policies(self) -> Mapping[str, Mapping[str, Any]]:
        """Fields of `policy.Policy` by name or shell pattern of a bucket; `*` is every bucket."""
        return cast("Mapping[str, Mapping[str, Any]]", _own("POLICIES", {}))

    @property
    def policy_path(self) -> str | None:
        """Dotted path of a function `(user, bucket, policy) -> policy` that changes the policy for one user.

        None means that `policies` alone count.
        """
        return cast("str | None", _own("POLICY", None))

    @property
    def bucket_permission_paths(self) -> Sequence[str]:
        """Dotted paths of the DRF permission classes of requests that create or remove buckets."""
        return cast(Sequence[str], _own("BUCKET_PERMISSION_CLASSES", ("rest_framework.permissions.IsAdminUser",)))

    @property
    def file_permission_paths(self) -> Sequence[str]:
        """Dotted paths of the DRF permission classes of all other requests."""
        return cast(Sequence[str], _own("FILE_PERMISSION_CLASSES", ("rest_framework.permissions.IsAuthenticated",)))

    @property
    def download_permission_paths(self) -> Sequence[str]:
        """Dotted paths of the DRF permission classes that decide which readers of a file may save it on this server."""
        return cast(Sequence[str], _own("DOWNLOAD_PERMISSION_CLASSES", ("rest_framework.permissions.IsAuthenticated",)))

    @property
    def visible_to_path(self) -> str | None:
        """Dotted path of a function `(queryset, user) -> queryset` that narrows the records to those of a user.

        None shows users their own records, and staff all.
        """
        return cast("str | None", _own("VISIBLE_TO", None))

    # --- throttles -----------------------------------------------------------------------------------------------

    @property
    def throttle_rates(self) -> Mapping[str, str]:
        """Rate by scope for a user, or for an address without a login, such as {"sign": "600/min"}; none by default."""
        return cast(Mapping[str, str], _own("THROTTLE_RATES", None) or {})

    # --- audit trail --------------------------------------------------------------------------------------------

    @property
    def audit_rows(self) -> bool:
        """True if events of the audit trail become rows for the admin, besides lines in the log."""
        return bool(_own("AUDIT_ROWS", False))

    @property
    def audit_days(self) -> int | None:
        """Days until housekeeping deletes such rows; None keeps them for ever."""
        return cast("int | None", _own("AUDIT_DAYS", 365))

    # --- metrics ------------------------------------------------------------------------------------------------

    @property
    def metrics_waiting(self) -> bool:
        """True if the metrics count the files that wait, with one query in 30 seconds."""
        return bool(_own("METRICS_WAITING", False))

    # --- the installation as a whole ---------------------------------------------------------------------------------

    @property
    def service_url(self) -> str | None:
        """Address of this service for its clients, which `s3_doctor` asks; None means that it asks none."""
        return cast("str | None", _own("URL", None))

    @property
    def is_debugging(self) -> bool:
        """DEBUG of Django."""
        return bool(settings.DEBUG)

    @property
    def cache_is_shared(self) -> bool:
        """True if the default cache of Django is not one of those that each process has for itself."""
        return _read_cache_backend() not in CACHES_OF_ONE

    @property
    def secrets(self) -> list[str]:
        """The secrets in the settings of the project, which no output may contain."""
        named = [settings.SECRET_KEY, self.access_key_id, self.secret_access_key, self.session_token]
        named += _read_database_passwords()
        return [str(secret) for secret in named if secret]

    # --- deleted users ---------------------------------------------------------------------------------

    @property
    def when_user_deleted(self) -> WhenUserDeleted:
        """Rule for the files of a deleted user.

        `keep`: files and records stay, without a user, for staff to handle. `protect`: a user with files cannot be
        deleted. `delete`: the objects are removed from S3, then the records.
        """
        return cast(WhenUserDeleted, _own("WHEN_USER_DELETED", "keep"))


def _parse_host(url: str) -> str | None:
    """Return the host of a URL, or None; check E003 reports a malformed URL."""
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _read_cache_backend() -> str:
    return str(settings.CACHES[DEFAULT_CACHE_ALIAS]["BACKEND"])


def _read_database_passwords() -> list[str | None]:
    return [database.get("PASSWORD") for database in settings.DATABASES.values()]


def is_http_url(url: object) -> bool:
    """Return True if a setting is a URL with a host, and without credentials."""
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        return parts is not None and parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
    except ValueError:
        return False


def is_unguarded(endpoint_url: str | None) -> bool:
    """Return True if bytes go to another machine in plain http."""
    address = urlsplit(endpoint_url or "")
    return address.scheme == "http" and not _is_loopback(address.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


conf = Conf()
# The settings with the prefix, as the properties name them. A list of its own would have to name each a second time.
OWN_NAMES = frozenset(
    constant
    for member in vars(Conf).values()
    if isinstance(member, property)
    for constant in cast(Any, member.fget).__code__.co_consts
    if isinstance(constant, str) and constant.isupper() and not constant.startswith(("AWS_", "PATH_"))
)
