"""Share links: made by those whose file it is, listed, revoked, and followed by whoever has one."""

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
from ...s3 import presign
from ...values import PresignedUrl
from ..audit.operation import Operation
from ..audit.trail import set_event_object
from ..lookup import file_find, owner_check
from ..scanning.scan import unchanged_check

DEFAULT_SECONDS = 86_400
MAX_DOWNLOADS = 1_000_000


@dataclass(frozen=True, slots=True)
class NewShareLink:
    """A link just made, and its secret, which nobody learns again."""

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
    """Make a link to the bytes that a stored file has now.

    Args:
        user: who asks: the owner, or staff.
        bucket: where the file lies.
        file_name: the object key.
        expires_in_seconds: 1 to S3_FILE_UPLOADER_SHARE_MAX_SECONDS; by default a day, if that is not too long.
        max_downloads: how often it may be followed; None for any number of times.

    Raises:
        InvalidField: one of the numbers.
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound: nothing for this user under that name.
        NotYourFile: the user may see it, and no more.
    """
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


def share_list(*, user: AbstractBaseUser) -> QuerySet[ShareLink]:
    """Return the links that the user made, newest first; nothing is asked of the database yet."""
    return ShareLink.objects.filter(user_id=user.pk).select_related("upload")


def share_list_of_file(*, user: AbstractBaseUser, bucket: str, file_name: str) -> QuerySet[ShareLink]:
    """Return the links to a file, whoever made them, newest first.

    Raises:
        InvalidBucketName, InvalidFileName, BucketNotAllowed, FileNotFound, NotYourFile: as `share_create`.
    """
    upload = _own_file(user, bucket, file_name)
    return ShareLink.objects.filter(upload=upload).select_related("upload")


def share_revoke(*, user: AbstractBaseUser, share_id: str | UUID) -> None:
    """Have a link refused from now on; URLs that were signed for it work to their own end, within minutes.

    Args:
        user: who made it, whose file it is, or staff.
        share_id: of the link.

    Raises:
        ShareNotFound: there is none of theirs with that id.
    """
    with suppress(ValueError):  # What is no UUID is nobody's id; it may be a secret, and nobody is told of it.
        link = ShareLink.objects.select_related("upload").filter(pk=UUID(str(share_id))).first()
        set_event_object(object_id=share_id)
        if link is not None and (is_staff(user) or user.pk in (link.user_id, link.upload.user_id)):
            with Operation.on("share_revoke", user=user, upload=link.upload) as operation:
                operation.object_id = link.pk
                link.revoke()
            return
    raise ShareNotFound("You have no share link with that id: look at the list of your links.")


def share_follow(*, secret: str, method: Literal["GET", "HEAD"]) -> PresignedUrl:
    """Sign a URL for whoever has the link, and count it; a HEAD is signed for HEAD alone, and not counted.

    Args:
        secret: as it stands in the link.
        method: what the client will send to S3.

    Raises:
        ShareNotFound: no such link, or it is over, revoked or used up, the file was replaced or removed, or whoever
            shared or owns it is no longer active or may no longer share it. Nobody is told which.
        StorageNotConfigured: there is nothing to sign with.
        StorageProblem: S3 could not say whether a file that may be rewritten is the same.
    """
    link = ShareLink.objects.usable_as(secret)
    if link is None:
        raise _not_found()
    set_event_object(bucket=link.upload.bucket, file_name=link.upload.file_name, object_id=link.pk)
    if not _works(link):
        raise _not_found()
    with Operation.on("share_follow", user=None, upload=link.upload) as operation:
        operation.object_id = link.pk
        _unchanged_check(link.upload)
        signed = presign.presigned_url(
            method=method,
            bucket=link.upload.bucket,
            key=link.upload.file_name,
            expires_in_seconds=conf.redirect_expiration_seconds,
            content_disposition=link.upload.content_disposition("attachment"),
            content_type=link.upload.served_content_type,
        )
        if method == "GET" and not link.count_download():
            raise _not_found()
    return signed


def _own_file(user: Any, bucket: str, file_name: str) -> FileUpload:
    upload = file_find(user=user, bucket=bucket, file_name=file_name)
    owner_check(user, upload, action="share")
    return upload


def _works(link: ShareLink) -> bool:
    """Tell whether the sharer could share this file now, and it is what was shared."""
    owner, sharer, upload = link.upload.user, link.user, link.upload
    if not (link.is_of_present_file and sharer.is_active and (owner is None or owner.is_active)):
        return False
    try:
        return _own_file(sharer, upload.bucket, upload.file_name).pk == upload.pk
    except S3FileUploaderError:  # It is not; S3 is not asked.
        return False


def _unchanged_check(upload: FileUpload) -> None:
    try:
        unchanged_check(upload)
    except (FileNotFound, FileQuarantined) as error:
        raise _not_found() from error


def _not_found() -> ShareNotFound:
    return ShareNotFound("This link does not work, or no longer: ask whoever sent it to you for another.")
