"""JSON for the pages of staff: names of users, and what housekeeping would do."""

from collections import Counter
from dataclasses import asdict
from time import monotonic
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse

from .. import services
from ..policy.users import is_staff
from ..services.reports import Finding, Kind
from .security import SecuredView

MAX_USERS = 20
MAX_IDS = 100
HOUSEKEEPING_SECONDS = 10.0
# The figure of `HousekeepingReport` that counts the findings of a kind.
FIGURES = {
    Kind.UPLOAD_ARRIVED: "uploads_completed",
    Kind.UPLOAD_TOO_LARGE: "uploads_too_large",
    Kind.RECORD_HALFWAY: "records_settled",
    Kind.MULTIPART_UPLOAD: "multipart_uploads_aborted",
    Kind.FILE_ROLLED_BACK: "rolled_back_files_removed",
    Kind.ATTACHMENT: "attachments_mended",
    Kind.UPLOAD_UNATTACHED: "unattached_removed",
}
NUL = "\0"  # PostgreSQL cannot compare texts that contain it.


class StaffView(SecuredView):
    """Answer staff only."""

    def refuse(self, request: HttpRequest) -> JsonResponse | None:
        """Return 401 without a session, and 403 to users who are not staff."""
        if request.user.is_authenticated and is_staff(request.user):
            return None
        status = 403 if request.user.is_authenticated else 401
        return JsonResponse({"detail": "Only staff can see this: sign in as one."}, status=status)


class UsersView(StaffView):
    """Find users by their primary keys, or by the beginning of their names."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Return at most `MAX_IDS` users with an `id` of the query, or `MAX_USERS` whose names begin with `search`."""
        search = request.GET.get("search", "")
        if NUL in search:
            return JsonResponse({"detail": "Null characters are not allowed."}, status=400)
        users = get_user_model()._default_manager.all()
        if ids := request.GET.getlist("id"):
            found = users.filter(pk__in=_valid_keys(ids[:MAX_IDS]))
        else:
            name = get_user_model().USERNAME_FIELD
            beginning = {f"{name}__istartswith": search}
            found = users.filter(**beginning).order_by(name)[:MAX_USERS]
        return JsonResponse({"results": [{"id": str(user.pk), "name": user.get_username()} for user in found]})


class HousekeepingView(StaffView):
    """Count what housekeeping would do, and change nothing."""

    seconds = HOUSEKEEPING_SECONDS

    def get(self, request: HttpRequest) -> JsonResponse:
        """Return the figures of a dry run; `is_whole` is false if its time was over before the end."""
        countdown = _Countdown(self.seconds)
        try:
            report = services.housekeeping_run(
                dry_run=True, on_finding=countdown.note, on_progress=lambda *_: countdown.check()
            )
        except _TimeIsOver:
            return JsonResponse({"is_whole": False, "counts": dict(countdown.counts)})
        return JsonResponse({"is_whole": True, "counts": asdict(report)})


class _TimeIsOver(Exception):
    """The dry run has used up its time."""


class _Countdown:
    """Count findings, and raise once the time is over."""

    def __init__(self, seconds: float) -> None:
        self.counts: Counter[str] = Counter()
        self._end = monotonic() + seconds

    def note(self, finding: Finding) -> None:
        self.counts[FIGURES[finding.kind]] += 1
        self.check()

    def check(self) -> None:
        if monotonic() > self._end:
            raise _TimeIsOver


def _valid_keys(ids: list[str]) -> list[Any]:
    """Return the ids that can be primary keys of the user model."""
    field = get_user_model()._meta.pk
    keys = []
    for text in ids:
        if NUL in text:
            continue
        try:
            key = field.to_python(text)
            field.run_validators(key)  # The database cannot compare every number.
            keys.append(key)
        except ValidationError:
            continue
    return keys
