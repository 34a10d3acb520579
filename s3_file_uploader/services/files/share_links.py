"""Create, list, revoke and follow share links."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser
from django.db.models import QuerySet
from django.utils import timezone

from ...conf import conf
from ...exceptions import FileNotFound, FileQuarantined, InvalidField, S3FileUploaderError, ShareNotFound
from ...models import FileUpload, ShareLink
from ...models.share_link import secret_digest, secret_make
from ...policy.users import is_staff
from ...values import PresignedUrl
from ..audit.operation import Operation
from ..audit.trail import set_event_object
from ..lookup import file_find, validate_owner
from .read import sign_file_url

DEFAULT_SECONDS = 86_400
MAX_DOWNLOADS = 1_000_000


@dataclass(frozen=True, slots=True)
class NewShareLink:
    """A new link and its secret; the database keeps only a hash of the secret."""

    link: ShareLink
    secret: str


def share_create(
    *,
    user: AbstractBaseUser,
    bucket: str,
    file_name: str,
    expires_in_seconds: int | None = None,
    max_downloads: int | None = None,
) -> NewShareLink:
    """Create a link to the present bytes of a stored file.

    Args:
        user: the caller: the owner, or staff.
        bucket: of the file.
        file_name: the object key.
        expires_in_seconds: 1 to S3_FILE_UPLOADER_SHARE_MAX_SECONDS; by default a day, if that is not too long.
        max_downloads: how often clients may follow it; None for no limit.

    Raises:
        InvalidField: a number is out of range.
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: the user has no such file.
        NotYourFile: the user may only see the file.
    """
    set_event_object(bucket=bucket, file_name=file_name)
    longest = conf.share_max_seconds
    seconds = min(DEFAULT_SECONDS, longest) if expires_in_seconds is None else expires_in_seconds
    if not 1 <= seconds <= longest:
        raise InvalidField("expires_in", f"Give 1 to {longest} seconds.")
    if max_downloads is not None and not 1 <= max_downloads <= MAX_DOWNLOADS:
        raise InvalidField("max_downloads", f"Give 1 to {MAX_DOWNLOADS}, or leave it out.")
    upload = _own_file(user, bucket, file_name)
    secret = secret_make()
    with Operation.on("share_create", user=user, upload=upload) as operation:
        link = ShareLink.objects.create(
            digest=secret_digest(secret),
            user_id=user.pk,
            upload=upload,
            etag=upload.etag,
            expires_at=timezone.now() + timedelta(seconds=seconds),
            max_downloads=max_downloads,
        )
        operation.object_id = link.pk
    return NewShareLink(link, secret)


def share_list(
    *, user: AbstractBaseUser, bucket: str | None = None, file_name: str | None = None
) -> QuerySet[ShareLink]:
    """Return the links that the user made, or all links to one file, newest first; the query is lazy.

    Args:
        user: the caller; to list the links to a file, its owner or staff.
        bucket: of the file; together with `file_name`.
        file_name: the object key of a stored file.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound, NotYourFile: as `share_create`.
    """
    links = ShareLink.objects.select_related("upload")
    if bucket is None or file_name is None:
        return links.filter(user_id=user.pk)
    return links.filter(upload=_own_file(user, bucket, file_name))


def share_revoke(*, user: AbstractBaseUser, share_id: str | UUID) -> None:
    """Revoke a link; URLs that were signed for it work until they expire, within minutes.

    Args:
        user: the user who made the link, the owner of the file, or staff.
        share_id: of the link.

    Raises:
        ShareNotFound: the user has no link with that id.
    """
    with suppress(ValueError):  # A malformed id may be a secret: answer "not found", and do not log it.
        link = ShareLink.objects.select_related("upload").filter(pk=UUID(str(share_id))).first()
        set_event_object(object_id=share_id)
        if link is not None and (is_staff(user) or user.pk in (link.user_id, link.upload.user_id)):
            with Operation.on("share_revoke", user=user, upload=link.upload) as operation:
                operation.object_id = link.pk
                link.revoke()
            return
    raise ShareNotFound("You have no share link with that id: look at the list of your links.")


def share_follow(*, secret: str, method: Literal["GET", "HEAD"]) -> PresignedUrl:
    """Sign a URL for a client that has the link, and count it; a HEAD is signed for HEAD alone, and not counted.

    Args:
        secret: the last segment of the link.
        method: the method of the request to S3.

    Raises:
        ShareNotFound: the link does not exist, is expired, revoked or used up; the file was replaced or removed; or
            the user who shared or owns it is inactive or may no longer share it. The message is always the same.
        StorageNotConfigured: there are no credentials to sign with.
        StorageProblem: S3 could not confirm that a file which clients may rewrite is unchanged.
    """
    link = ShareLink.objects.usable_as(secret)
    if link is None:
        raise _build_not_found()
    set_event_object(bucket=link.upload.bucket, file_name=link.upload.file_name, object_id=link.pk)
    if not _is_working(link):
        raise _build_not_found()
    with Operation.on("share_follow", user=None, upload=link.upload) as operation:
        operation.object_id = link.pk
        try:
            signed = sign_file_url(link.upload, method, conf.redirect_expiration_seconds, "attachment")
        except (FileNotFound, FileQuarantined) as error:
            raise _build_not_found() from error
        if method == "GET" and not link.count_download():
            raise _build_not_found()
    return signed


def _own_file(user: Any, bucket: str, file_name: str) -> FileUpload:
    upload = file_find(user=user, bucket=bucket, file_name=file_name)
    validate_owner(user, upload, action="share")
    return upload


def _is_working(link: ShareLink) -> bool:
    """Return True if the sharer may share this file now, and its bytes are the shared ones."""
    owner, sharer, upload = link.upload.user, link.user, link.upload
    if not (link.is_of_present_file and sharer.is_active and (owner is None or owner.is_active)):
        return False
    try:
        return _own_file(sharer, upload.bucket, upload.file_name).pk == upload.pk
    except S3FileUploaderError:  # A local check failed; S3 is not asked.
        return False


def _build_not_found() -> ShareNotFound:
    return ShareNotFound("This link does not work, or no longer works: ask its sender for another.")
