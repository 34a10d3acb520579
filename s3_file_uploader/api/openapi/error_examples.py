"""The examples of errors: each is what an exception with these arguments becomes."""

from collections.abc import Mapping
from typing import Any

from rest_framework import exceptions as drf

from ... import exceptions as own
from ...values import MAX_PARTS

REQUIRED = [drf.ErrorDetail("This field is required.", "required")]
# The message of each error as the services raise it, with the next step; and the other arguments of the exception.
ARGUMENTS: Mapping[type[Exception], tuple[Any, ...]] = {
    own.InvalidBucketName: (
        "A bucket name has 3 to 63 characters: lower-case letters, digits, hyphens and single dots, "
        "beginning and ending with a letter or digit.",
    ),
    own.InvalidFileName: ("A file name cannot begin or end with '/' or contain an empty, '.' or '..' segment.",),
    own.InvalidField: ("part_numbers", f"Give numbers from 1 to {MAX_PARTS}."),
    own.ChecksumMismatch: ("The SHA-256 of what arrived is not the one you gave: send the file again.",),
    own.SizeMismatch: ("Parts have another size than planned: send 1 again, as planned.",),
    own.ContentTypeMismatch: (
        "image/png was declared, and the bytes are text: send it as what it is, or as application/octet-stream.",
    ),
    own.PartsMissing: ("S3 does not hold all parts: send 2, then complete the upload again.",),
    own.FileRejected: ("A scanner found something.",),
    own.FileTooLarge: ("Files up to 104857600 bytes are taken here.", {"max_file_bytes": 104_857_600}),
    own.ContentTypeNotAllowed: (
        "Files of the type 'text/plain' are not taken here: send one of image/*.",
        {"content_types": ["image/*"]},
    ),
    own.RequestTooSlow: ("The body of the request came too slowly: send it again over a better connection.",),
    own.LengthRequired: ("This server cannot read a body in chunks: send Content-Length.",),
    own.RangeNotSatisfiable: ("The file has 5 bytes: ask for a range within.", 5),
    own.IdempotencyKeyReused: ("This Idempotency-Key was sent with another file: take a new one for each file.",),
    own.NotYourFile: ("Leave out user_id, or give your own: only staff may act for other users.",),
    own.BucketOwnerMismatch: ("The bucket belongs to another owner: take owner_id from the list of buckets.",),
    own.BucketNotAllowed: ("This bucket is not open to you: take one from the list of buckets.",),
    own.BucketNotFound: ("There is no such bucket: create it or check the name.",),
    own.FileNotFound: ("You have no stored file of that name in this bucket.",),
    own.UploadNotFound: ("You have no upload with that id: look at the list of uploads.",),
    own.UploadTokenNotFound: ("You have no upload token with that id: look at the list of your tokens.",),
    own.ShareNotFound: ("This link does not work, or no longer works: ask its sender for another.",),
    own.BucketExists: ("The bucket name is taken: choose another.",),
    own.BucketNotEmpty: ("The bucket still holds files, or old versions of them: delete them first.",),
    own.FileExists: (
        "You have a file of that name already: choose another, or send overwrite=true, in a form before the file.",
    ),
    own.QuotaExceeded: (
        "You have 10 of 10 files in this bucket, unfinished ones included: remove one.",
        {"quota_files": 10, "files": 10},
    ),
    own.PreconditionFailed: ("The file was replaced since you saw it: ask for it without the condition.",),
    own.UploadInProgress: (
        "The same upload is still on its way: try again in a moment, with the same Idempotency-Key.",
    ),
    own.UploadNotPending: ("Nothing can be sent for this upload any more: look at its record, or start a new one.",),
    own.FileQuarantined: ("The file is being scanned: try again in a moment.",),
    own.StorageAccessDenied: ("S3 denies this service the call: give its credentials the right for it.",),
    own.StorageError: ("S3 answered with an unexpected error: try again, then tell the operator of this service.",),
    own.StorageNotConfigured: ("The server at AWS_S3_ENDPOINT_URL does not speak S3: check the setting.",),
    own.StorageUnavailable: ("S3 is busy: try again in a moment.",),
    own.StorageTimeout: ("S3 did not answer in time: look whether it happened, then try again.",),
    own.DownloadFolderFull: ("There is no room for the file under PATH_TO_SAVE_FILE: free some.",),
    drf.ValidationError: ({"bucket": REQUIRED},),
    drf.MethodNotAllowed: ("PATCH",),
    drf.UnsupportedMediaType: ("text/plain",),
    drf.Throttled: (60,),
}
ARGUMENTS_IN: Mapping[tuple[str, type[Exception]], tuple[Any, ...]] = {
    ("uppy_params", drf.ValidationError): ({"filename": REQUIRED},),
    ("uppy_sign_parts", own.InvalidField): ("partNumbers", "Give numbers of parts, with a comma between."),
}
# A request that lacks every required field, and has values for these alone.
INVALID = {"page_size": 0, "proxy": "?", "expires_in": "?", "x_checksum_sha256": "?"}
