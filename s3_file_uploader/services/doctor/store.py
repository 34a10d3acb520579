"""Examine the way to the store: endpoint, identity, TLS, clock, and the public endpoint."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

from django.utils import timezone

from ...conf import conf, is_unguarded
from ...exceptions import StorageAccessDenied, StorageProblem, StorageUnavailable
from ...s3.plain_request import send_plainly
from ...s3.trials.identity import find_caller
from ...s3.trials.reach import StoreAnswer, ask_store, explain_error, read_certificate
from .case import Case
from .findings import Diagnosis, failure, ok, spell_duration, warning

# S3 refuses requests from 15 minutes on: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
CLOCK_WARNING = timedelta(seconds=30)
CERTIFICATE_WARNING = timedelta(days=14)
SKEWED = "RequestTimeTooSkewed"
SET_CLOCK = "Set the clock by NTP (`timedatectl set-ntp true`): claims and signatures depend on it."
NETWORK = "Check AWS_S3_ENDPOINT_URL, the name of its host, the port, firewalls and proxies."
REGION_CODES = ("AuthorizationHeaderMalformed", "PermanentRedirect")


def examine_endpoint(case: Case) -> Iterator[Diagnosis]:
    """Send the store one signed request. Everything else on S3 needs an answer to it."""
    url = conf.endpoint_url or f"S3 of AWS in {conf.region}"
    try:
        case.answer = answer = ask_store()
    except StorageProblem as error:
        reason = explain_error(error) or "the answer is not that of S3"
        yield failure("endpoint", f"{url}: {reason}", NETWORK)
        return
    if answer.refusal is None or answer.code == SKEWED:
        yield ok("endpoint", f"{answer.endpoint_url} answers in {answer.milliseconds:.0f} ms")
    elif isinstance(answer.refusal, StorageAccessDenied):
        yield ok("endpoint", f"{answer.endpoint_url} answers; it does not let these keys list buckets")
    elif not answer.code or answer.code.isdigit():  # The answer has no document of S3.
        seen = f"{answer.endpoint_url} answers, but not as S3 does: {explain_error(answer.refusal)}"
        yield failure("endpoint", seen, "Check AWS_S3_ENDPOINT_URL: another server, or a proxy, answers there.")
    else:
        name = "region" if answer.code in REGION_CODES else "endpoint" if _is_busy(answer) else "keys"
        yield failure(name, f"{answer.endpoint_url}: {explain_error(answer.refusal)}", str(answer.refusal))


def _is_busy(answer: StoreAnswer) -> bool:
    return isinstance(answer.refusal, StorageUnavailable)


def examine_identity(case: Case, *, find: Callable[[], str] = find_caller) -> Iterator[Diagnosis]:
    """Name the owner of the keys: by STS on AWS, elsewhere as the store names the owner of the buckets."""
    if not conf.is_aws:
        owner = _get_answer(case).owner
        yield ok("identity", f"the buckets belong to {owner}" if owner else "the store names no owner")
        return
    try:
        caller = find()
    except StorageProblem as error:
        yield ok("identity", f"unknown: STS does not answer ({explain_error(error)})")
        return
    if caller.endswith(":root"):
        advice = "Make a role with the rights that the page Security of the docs lists, and remove the root keys."
        yield warning("identity", f"{caller}: the account itself, which may do everything", advice)
    else:
        yield ok("identity", caller)


def examine_tls(case: Case) -> Iterator[Diagnosis]:
    """Look at the certificate of the endpoint. boto3 has accepted it already."""
    url = _get_answer(case).endpoint_url
    if urlsplit(url).scheme == "http":
        if is_unguarded(url):
            advice = "Give the store a certificate, and use https in AWS_S3_ENDPOINT_URL."
            yield warning("TLS", "none: files cross the network in plain http", advice)
        else:
            yield ok("TLS", "none needed: the store is on this machine")
        return
    certificate = read_certificate(url)
    if certificate is None:
        yield ok("TLS", "boto3 accepts the certificate; its end could not be read from here")
        return
    left = certificate.expires_at - timezone.now()
    seen = f"{certificate.protocol}, the certificate expires in {spell_duration(left)}"
    if left < CERTIFICATE_WARNING:
        yield warning("TLS", seen, "Renew the certificate of the store.")
    else:
        yield ok("TLS", seen)


def examine_clock(case: Case) -> Iterator[Diagnosis]:
    """Compare the clock of the store with that of this machine."""
    answer = _get_answer(case)
    yield compare_clocks("clock", "the store", answer.ahead, is_refused=answer.code == SKEWED)


def compare_clocks(name: str, other: str, ahead: timedelta | None, *, is_refused: bool = False) -> Diagnosis:
    """Return a diagnosis of the time between this machine and another.

    Args:
        name: of the diagnosis.
        other: the other machine.
        ahead: by how much its clock is ahead; None if it told no time.
        is_refused: True if the other refuses requests for it.
    """
    if ahead is None:
        refused = f"{other} refuses requests for their time"
        return failure(name, refused, SET_CLOCK) if is_refused else ok(name, f"{other} tells no time")
    direction = "behind" if ahead > timedelta() else "ahead of"
    seen = f"{spell_duration(ahead)} {direction} {other}"
    if is_refused:
        return failure(name, f"{other} refuses requests: this machine is {seen}", SET_CLOCK)
    if abs(ahead) >= CLOCK_WARNING:
        return warning(name, f"this machine is {seen}", SET_CLOCK)
    return ok(name, f"as that of {other}, within {max(1, round(abs(ahead).total_seconds()))} s")


def examine_public_endpoint(case: Case) -> Iterator[Diagnosis]:
    """Reach the address for which URLs are signed."""
    url = conf.public_endpoint_url
    if url in (None, conf.endpoint_url):
        yield ok("public endpoint", "clients use the endpoint above")
        return
    try:
        send_plainly("GET", url)
    except StorageUnavailable as error:
        advice = f"Try it from the machine of a client: curl -I {url}"
        seen = f"{url} cannot be reached from here: {explain_error(error) or 'no answer'}"
        yield warning("public endpoint", seen, advice, blocks=True)
        return
    if is_unguarded(url):
        advice = "Browsers let https pages send nothing to http: use https in AWS_S3_PUBLIC_ENDPOINT_URL."
        yield warning("public endpoint", f"{url} answers, in plain http", advice)
    else:
        yield ok("public endpoint", f"{url} answers")


def _get_answer(case: Case) -> StoreAnswer:
    return cast(StoreAnswer, case.answer)
