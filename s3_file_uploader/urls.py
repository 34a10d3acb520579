"""Route every address of the app; the host mounts them at `modules/s3-file-uploader/`.

The reverse names are part of the contract, so there is no `app_name`.
"""

from typing import Any

from django.urls import URLPattern, include, path, register_converter
from django.urls.converters import StringConverter

from .api.authentication import Secret, UploadTokenAuthentication
from .api.viewsets import (
    BucketViewSet,
    FileDownloadViewSet,
    FileViewSet,
    HealthViewSet,
    ObjectViewSet,
    ShareListViewSet,
    ShareViewSet,
    UploadTokenViewSet,
    UploadViewSet,
    UppySignedViewSet,
    UppySignViewSet,
    UppyViewSet,
)


class ObjectKeyConverter:
    """Match any text, also line breaks and an empty one: the services refuse invalid keys with a message."""

    regex = "(?s:.*)"

    def to_python(self, value: str) -> str:
        """Return the text, which Django has decoded."""
        return value

    def to_url(self, value: str) -> str:
        """Return the text; Django encodes it."""
        return value


class SecretConverter(StringConverter):
    """Match a secret in one segment of the address; not `.` or `..`, because a secret may follow them."""

    regex = r"(?!\.{1,2}(?:/|$))[^/]+"

    def to_python(self, value: str) -> Secret:
        """Return a `Secret`, which hides its text in logs."""
        return Secret(value)


class NearlySecretConverter(SecretConverter):
    """Match any text with a word that a secret would follow, or that is still encoded."""

    regex = "(?is:.*(?:%|share|uppy).*)"


register_converter(NearlySecretConverter, "s3_nearly_secret")
register_converter(ObjectKeyConverter, "s3_object_key")
register_converter(SecretConverter, "s3_secret")

FILE = "buckets/<str:bucket_name>/files/<s3_object_key:file_name>"
OF_FILE = {"put": "store", "get": "retrieve", "head": "retrieve", "delete": "destroy"}
file = ObjectViewSet.as_view(OF_FILE)
share = ShareViewSet.as_view({"get": "retrieve", "head": "retrieve", "delete": "destroy"})


def uppy(endpoint: str, name: str, **options: Any) -> list[URLPattern]:
    """Return the addresses for Uppy below an endpoint; like those of Companion, they end without a slash.

    Args:
        endpoint: the address before it, with its slash.
        name: the beginning of the reverse names.
        options: arguments of the views.
    """

    def view(actions: dict[str, str]) -> Any:
        return UppyViewSet.as_view(actions, **options)

    upload = f"{endpoint}s3/multipart/<str:upload_id>"
    return [
        path(f"{endpoint}s3/params", view({"get": "params"}), name=f"{name}-params"),
        path(f"{endpoint}s3/complete", view({"post": "arrived"}), name=f"{name}-arrived"),
        path(f"{endpoint}s3/multipart", view({"post": "create"}), name=f"{name}-create"),
        path(upload, view({"get": "parts", "delete": "abort"}), name=f"{name}-upload"),
        path(f"{upload}/batch", view({"get": "sign_parts"}), name=f"{name}-parts"),
        path(f"{upload}/complete", view({"post": "complete"}), name=f"{name}-complete"),
        path(f"{upload}/<str:part_number>", view({"get": "sign_part"}), name=f"{name}-part"),
        path(f"{endpoint}sign", UppySignViewSet.as_view({"post": "sign"}, **options), name=f"{name}-sign"),
    ]


by_token = {"authentication_classes": (UploadTokenAuthentication,)}
nothing = dict.fromkeys(("get", "post", "put", "delete"), "missing")
missing = UppyViewSet.as_view(nothing, **by_token)
service = [
    path("health/", HealthViewSet.as_view({"get": "retrieve"}), name="s3_service-health"),
    path("health/live/", HealthViewSet.as_view({"get": "live"}), name="s3_service-health-live"),
    path("health/ready/", HealthViewSet.as_view({"get": "ready"}), name="s3_service-health-ready"),
    path("bucket/list/", BucketViewSet.as_view({"get": "list"}), name="s3_service-bucket-list"),
    path("bucket/create/", BucketViewSet.as_view({"post": "create"}), name="s3_service-create-bucket"),
    path(
        "owners/<str:owner_id>/buckets/<str:bucket_name>/remove/",
        BucketViewSet.as_view({"delete": "destroy"}),
        name="s3_service-delete-bucket",
    ),
    path("file/upload/", FileViewSet.as_view({"post": "upload"}), name="s3_service-upload-file"),
    path(
        "file/presigned/url/",
        FileViewSet.as_view({"get": "presign_from_query", "post": "presign_from_body"}),
        name="s3_service-create-presigned-url",
    ),
    path(
        "users/<str:user_id>/buckets/<str:bucket_name>/files/<s3_object_key:file_name>/remove/",
        FileViewSet.as_view({"delete": "destroy"}),
        name="s3_service-delete-file",
    ),
    path("buckets/<str:bucket_name>/files/", ObjectViewSet.as_view({"get": "list"}), name="s3_service-object-list"),
    # GET saves the file; other methods are about a file whose name ends like this.
    path(
        f"{FILE}/download/",
        FileDownloadViewSet.as_view({**OF_FILE, "get": "download"}),
        name="s3_service-download-file",
    ),
    path(f"{FILE}/download", FileDownloadViewSet.as_view({**OF_FILE, "get": "retrieve_or_download"})),
    path(f"{FILE}/", file, name="s3_service-file"),
    # `curl -T video.mp4 .../files/` sends this address, and a PUT cannot be redirected.
    path(FILE, file),
    path("shares/", ShareListViewSet.as_view({"get": "list", "post": "create"}), name="s3_service-share-list"),
    path("shares/<s3_secret:share>/", share, name="s3_service-share"),
    path("shares/<s3_secret:share>", share),
    # Django would write the secret into its log.
    path("shares/<s3_secret:share>/<s3_object_key:rest>", ShareViewSet.as_view(nothing)),
    path("uploads/", UploadViewSet.as_view({"get": "list", "post": "create"}), name="s3_service-upload-list"),
    path("uploads/folder/", UploadViewSet.as_view({"get": "folder"}), name="s3_service-folder"),
    path("uploads/usage/", UploadViewSet.as_view({"get": "usage"}), name="s3_service-usage"),
    path(
        "uploads/<str:upload_id>/",
        UploadViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="s3_service-upload",
    ),
    path(
        "uploads/<str:upload_id>/parts/",
        UploadViewSet.as_view({"get": "parts", "post": "parts_sign"}),
        name="s3_service-upload-parts",
    ),
    path(
        "uploads/<str:upload_id>/complete/",
        UploadViewSet.as_view({"post": "complete"}),
        name="s3_service-upload-complete",
    ),
    path(
        "uppy/tokens/",
        UploadTokenViewSet.as_view({"get": "list", "post": "create"}),
        name="s3_service-upload-token-list",
    ),
    path(
        "uppy/tokens/<str:token_id>/", UploadTokenViewSet.as_view({"delete": "destroy"}), name="s3_service-upload-token"
    ),
    path(
        "uppy/signed/<s3_secret:ticket>",
        UppySignedViewSet.as_view({"get": "parts", "post": "begin_or_complete", "delete": "abort"}),
        name="s3_service-uppy-signed",
    ),
    *uppy("uppy/", "s3_service-uppy"),
    *uppy("uppy/token/<s3_secret:token>/", "s3_service-uppy-token", **by_token),
    path("uppy/token/<s3_secret:token>", missing),
    path("uppy/token/<s3_secret:token>/<s3_object_key:rest>", missing),
    path("uppy/signed/<s3_secret:ticket>/<s3_object_key:rest>", UppySignedViewSet.as_view(nothing)),
    # Variants of the addresses above (doubled slash, another case, percent-encoding): Django would log the secret.
    path("<s3_nearly_secret:share>", ShareViewSet.as_view(nothing)),
]

urlpatterns = [path("service/", include(service))]
