"""What a browser needs of a bucket's CORS rules, to upload to it and read from it. No I/O.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from ..exceptions import InvalidField
from ..values import CorsRule
from .origins import covers, origin_check

# By this our own rule is known among those of others.
RULE_ID = "s3-file-uploader"
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSConfiguration.html
MAX_RULES = 100
# Chrome remembers no answer for longer than two hours.
MAX_AGE_SECONDS = 3600

# With which headers a page sends each: a PUT those that are signed; a form has none, but a page that watches its
# progress makes the browser ask first all the same. Nothing is signed for DELETE.
NEEDED: dict[str, tuple[str, ...]] = {
    "GET": (),
    "HEAD": (),
    "PUT": ("content-type", "if-none-match", "x-amz-checksum-sha256", "x-amz-meta-name"),
    "POST": (),
}
# What uploaders such as Uppy read of the answers to uploads.
READ = ("ETag", "Location")
READ_OF: dict[str, tuple[str, ...]] = {"PUT": ("ETag",), "POST": READ}
# What players and resuming downloads read besides.
ALSO_EXPOSED = ("Content-Length", "Content-Range", "Accept-Ranges")


def own_rule(origins: Sequence[str]) -> CorsRule:
    """Return the rule that gives pages of these origins all that they need.

    Any header may be sent: what a request may do is decided by its signature.

    Raises:
        InvalidField: one of them is no origin.
    """
    return CorsRule(
        rule_id=RULE_ID,
        origins=tuple(dict.fromkeys(map(origin_check, origins))),
        methods=tuple(NEEDED),
        headers=("*",),
        exposed=READ + ALSO_EXPOSED,
        max_age_seconds=MAX_AGE_SECONDS,
    )


def rules_with_own(rules: Sequence[CorsRule], origins: Sequence[str]) -> tuple[CorsRule, ...]:
    """Return the rules of others, untouched, and our own.

    It comes last, where it changes nothing for anybody. If a rule before it would answer our origins and fall short,
    it comes first, and exposes what the others exposed to them, so that no page loses anything.

    Raises:
        InvalidField: one is no origin, or the bucket has as many rules as S3 takes.
    """
    others, own = rules_of_others(rules), own_rule(origins)
    if len(others) >= MAX_RULES:
        raise InvalidField("bucket", f"It has {len(others)} CORS rules, and S3 takes {MAX_RULES}: join or remove some.")
    if not shortcomings((*others, own), own.origins):
        return (*others, own)
    shared = [name for rule in others if _share_an_origin(rule, own) for name in rule.exposed]
    return (replace(own, exposed=tuple(dict.fromkeys([*own.exposed, *shared]))), *others)


def rules_of_others(rules: Iterable[CorsRule]) -> tuple[CorsRule, ...]:
    """Return all but our own."""
    return tuple(rule for rule in rules if rule.rule_id != RULE_ID)


def shortcomings(rules: Sequence[CorsRule], origins: Iterable[str]) -> tuple[str, ...]:
    """Say what pages of these origins cannot do under the rules; nothing if they can do all that they need.

    Args:
        rules: in the order of the bucket.
        origins: or patterns; of a pattern, what the rules say of single origins for which it stands counts too.
    """
    return tuple(dict.fromkeys(text for origin in origins for one in _faces(rules, origin) for text in _of(rules, one)))


def _faces(rules: Sequence[CorsRule], origin: str) -> list[str]:
    return [origin, *(other for rule in rules for other in rule.origins if covers(origin, other))]


def _of(rules: Sequence[CorsRule], origin: str) -> Iterator[str]:
    fitting = [rule for rule in rules if any(covers(pattern, origin) for pattern in rule.origins)]
    if not fitting:
        yield f"No rule allows {origin}."
        return
    for method in NEEDED:
        able = [rule for rule in fitting if method in rule.methods]
        yield from _of_method(able, origin, method) if able else [f"{origin} may not send {method}."]


def _of_method(able: Sequence[CorsRule], origin: str, method: str) -> Iterator[str]:
    refused = min((_uncovered(rule.headers, NEEDED[method]) for rule in able), key=len)
    if refused:
        yield f"{origin} may not send {method} with {', '.join(refused)}."
    # To the request itself the first rule applies, whatever its headers: S3 looks at those in the preflight alone.
    if hidden := _uncovered(able[0].exposed, READ_OF.get(method, ())):
        yield f"{origin} cannot read {', '.join(hidden)} of the answer to {method}."


def _uncovered(patterns: Iterable[str], names: Iterable[str]) -> list[str]:
    lower = [pattern.lower() for pattern in patterns]
    return [name for name in names if not any(covers(pattern, name.lower()) for pattern in lower)]


def _share_an_origin(one: CorsRule, other: CorsRule) -> bool:
    return any(covers(a, b) or covers(b, a) for a in one.origins for b in other.origins)
