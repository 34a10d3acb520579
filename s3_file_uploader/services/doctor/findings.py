"""Diagnoses: what an examination saw, and what the operator should do. No I/O."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from ...conf import conf

# Shorter texts would be replaced everywhere, and are no secrets.
SECRET_LENGTH = 8
HIDDEN = "***"
_IN_URLS = re.compile(r"(?<=://)[^/@\s]+(?=@)|(?<=X-Amz-Signature=)[0-9a-f]+|(?<=X-Amz-Credential=)[^&\s]+")


class Status(StrEnum):
    """The result of an examination. Only failures make the exit status 1."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"
    NOT_TRIED = "not tried"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One line of the screen.

    Attributes:
        name: what was examined.
        status: how it is.
        seen: what was seen, in words.
        advice: what to do; empty if nothing is to be done.
        group: the heading above it.
        blocks: True if later examinations that need this one are not tried.
    """

    name: str
    status: Status
    seen: str
    advice: str = ""
    group: str = ""
    blocks: bool = False

    def without_secrets(self) -> "Diagnosis":
        """Return the diagnosis without the secrets of the settings, which a driver's message may contain."""
        return replace(self, seen=hide_secrets(self.seen), advice=hide_secrets(self.advice))


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """All diagnoses in their order."""

    diagnoses: tuple[Diagnosis, ...]

    @property
    def is_well(self) -> bool:
        """Return True if there is no failure."""
        return not self.counts[Status.FAILURE]

    @property
    def counts(self) -> "Counter[Status]":
        """Return the number of diagnoses of each status."""
        return Counter(diagnosis.status for diagnosis in self.diagnoses)

    @property
    def first_to_treat(self) -> Diagnosis | None:
        """Return the first failure, or else the first warning; None if all is well."""
        for status in (Status.FAILURE, Status.WARNING):
            for diagnosis in self.diagnoses:
                if diagnosis.status == status:
                    return diagnosis
        return None


def ok(name: str, seen: str, advice: str = "") -> Diagnosis:
    """Return a diagnosis of something that works."""
    return Diagnosis(name, Status.OK, seen, advice)


def warning(name: str, seen: str, advice: str, *, blocks: bool = False) -> Diagnosis:
    """Return a diagnosis of something that works for now, or that cannot be examined from here."""
    return Diagnosis(name, Status.WARNING, seen, advice, blocks=blocks)


def failure(name: str, seen: str, advice: str) -> Diagnosis:
    """Return a diagnosis of something that does not work."""
    return Diagnosis(name, Status.FAILURE, seen, advice, blocks=True)


def hide_secrets(text: str) -> str:
    """Return the text without the secrets of the settings, passwords in URLs, and signatures."""
    for secret in conf.secrets:
        if len(secret) >= SECRET_LENGTH:
            text = text.replace(secret, HIDDEN)
    return _IN_URLS.sub(HIDDEN, text)


def spell_duration(duration: timedelta) -> str:
    """Return a duration in its largest unit, such as `3 hours`."""
    seconds = abs(duration.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            return count(int(seconds / size), unit)
    return count(int(seconds), "second")


def count(number: int, noun: str) -> str:
    """Return number and noun, in the plural if it is not one."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def join(names: Sequence[str], *, most: int = 5) -> str:
    """Return the first names, and the number of the others."""
    others = [f"{len(names) - most} more"] if len(names) > most else []
    return ", ".join([*names[:most], *others])
