"""Find out whose the credentials are, where boto3 found them, and when they expire."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from botocore.config import Config

from ...conf import conf
from ..client import _get_session, _session_lock, credentials, read_timeouts
from ..errors import storage_errors

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
TEMPORARY = "ASIA"
SHOWN = 4


@dataclass(frozen=True, slots=True)
class Identity:
    """A pair of keys without its secrets.

    Attributes:
        ending: the last characters of the access key.
        source: `settings`, or the name that boto3 has for the place, such as `iam-role`.
        is_temporary: True if there is a session token.
        expires_at: aware; None if it is unknown, or never.
    """

    ending: str
    source: str
    is_temporary: bool
    expires_at: datetime | None


def find_identity() -> Identity:
    """Return the identity of the keys of the settings, or of the host's role.

    Raises:
        StorageNotConfigured: there are no keys, or only one of the two.
        StorageProblem: the service that issues the keys of the role could not answer.
    """
    pair = credentials()
    role = None
    if not conf.access_key_id:
        with _session_lock:
            role = _get_session().get_credentials()
    return Identity(
        ending=pair.access_key_id[-SHOWN:] if len(pair.access_key_id) > 2 * SHOWN else "",
        source="settings" if role is None else role.method,
        is_temporary=bool(pair.session_token) or pair.access_key_id.startswith(TEMPORARY),
        expires_at=cast("datetime | None", getattr(role, "_expiry_time", None)),
    )


def find_caller() -> str:
    """Return the ARN of the credentials on AWS. It needs no right.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html

    Raises:
        StorageProblem: STS could not answer.
    """
    pair, (connect, read) = credentials(), read_timeouts()
    config = Config(connect_timeout=connect, read_timeout=read, retries={"total_max_attempts": 1})
    with storage_errors(about="account"):
        with _session_lock:
            client: Any = _get_session().client(
                "sts",
                region_name=conf.region,
                aws_access_key_id=pair.access_key_id,
                aws_secret_access_key=pair.secret_access_key,
                aws_session_token=pair.session_token,
                config=config,
            )
        return str(client.get_caller_identity()["Arn"])
