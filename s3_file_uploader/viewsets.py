"""HTTP: parse, call one service, answer. Errors leave through `http_errors`, then the host's own handler."""

from collections.abc import Mapping
from typing import Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.utils.encoding import force_str
from rest_framework import status
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from . import services
from .conf import conf
from .http_errors import http_error
from .serializers import (
    BucketCreateSerializer,
    BucketListSerializer,
    CreatedBucketSerializer,
    FileUploadFormSerializer,
    HealthSerializer,
    PresignedUrlSerializer,
    PresignSerializer,
    SavedFileSerializer,
    UploadSerializer,
    content_type_of,
)
from .transactions import outside_transactions
from .users import user_acted_for


class ServiceViewSet(ViewSet):
    """What all have in common: errors in one shape, and no transaction around a request."""

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Keep ATOMIC_REQUESTS away."""
        return outside_transactions(super().as_view(actions, **initkwargs))

    def get_permissions(self) -> list[BasePermission]:
        """Read the classes from the settings at each request; whatever they say, an anonymous caller may nothing."""
        return [IsAuthenticated(), *(permission() for permission in self.permission_classes_from_settings())]

    def permission_classes_from_settings(self) -> list[type[BasePermission]]:
        """Return who may, besides being somebody."""
        return conf.file_permission_classes

    def handle_exception(self, exc: Exception) -> Response:
        """Give every error its one shape before the host's handler sees it."""
        return super().handle_exception(http_error(exc))


class BucketViewSet(ServiceViewSet):
    """List, create and remove buckets."""

    parser_classes = (JSONParser, FormParser, MultiPartParser)

    def permission_classes_from_settings(self) -> list[type[BasePermission]]:
        """Let everybody list, and only the configured permission create and remove."""
        changes = self.action in ("create", "destroy")
        return conf.bucket_permission_classes if changes else conf.file_permission_classes

    def list(self, request: Request) -> Response:
        """List the buckets that the caller may see."""
        listing = services.bucket_list(user=_caller(request))
        return Response(BucketListSerializer(listing).data)

    def create(self, request: Request) -> Response:
        """Create a private bucket."""
        wanted = _validated(BucketCreateSerializer, request.data)
        bucket = services.bucket_create(user=_caller(request), **wanted)
        return Response(CreatedBucketSerializer(bucket).data, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, owner_id: str, bucket_name: str) -> Response:
        """Remove an empty bucket from its owner."""
        services.bucket_remove(user=_caller(request), owner_id=owner_id, name=bucket_name)
        return Response(status=status.HTTP_204_NO_CONTENT)


class FileViewSet(ServiceViewSet):
    """Upload, download, presign and delete one file."""

    parser_classes: Any = (JSONParser, FormParser, MultiPartParser)

    def upload(self, request: Request) -> Response:
        """Store a file sent as form-data, and its record."""
        form = _validated(FileUploadFormSerializer, request.data)
        file: Any = form["file"]
        upload = services.file_upload(
            user=_caller(request),
            owner=user_acted_for(caller=_caller(request), user_id=form.get("user_id")),
            bucket=form["bucket"],
            file_name=form.get("file_name") or file.name,
            content=file,
            size=file.size,
            content_type=content_type_of(_declared_content_type(file), file.name),
            original_name=file.name,
            overwrite=form["overwrite"],
            checksum_sha256=form.get("checksum_sha256"),
        )
        record = UploadSerializer(upload, context={"request": request})
        return Response(record.data, status=status.HTTP_201_CREATED)

    def download(self, request: Request, bucket_name: str, file_name: str) -> Response:
        """Save a file in the server's download folder."""
        saved = services.file_download(user=_caller(request), bucket=bucket_name, file_name=file_name)
        return Response(SavedFileSerializer(saved).data)

    def destroy(self, request: Request, user_id: str, bucket_name: str, file_name: str) -> Response:
        """Remove a file and its record."""
        owner = user_acted_for(caller=_caller(request), user_id=user_id)
        services.file_delete(user=_caller(request), owner=owner, bucket=bucket_name, file_name=file_name)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def presign_from_query(self, request: Request) -> Response:
        """Sign a URL for a file; parameters in the query."""
        return self._presign(request, request.query_params)

    def presign_from_body(self, request: Request) -> Response:
        """Sign a URL for a file; parameters in the body."""
        return self._presign(request, cast(Mapping[str, Any], request.data))

    def _presign(self, request: Request, parameters: Mapping[str, Any]) -> Response:
        wanted = _validated(PresignSerializer, parameters)
        presigned = services.file_presign(
            user=_caller(request),
            bucket=wanted["bucket"],
            file_name=wanted["file_name"],
            expires_in_seconds=wanted["expiration"],
            disposition=wanted.get("disposition"),
        )
        return Response(PresignedUrlSerializer(presigned).data)


class HealthViewSet(ServiceViewSet):
    """Whether database and S3 can be reached; for load balancers, so without authentication and without secrets."""

    authentication_classes = ()

    def get_permissions(self) -> "list[BasePermission]":
        """Let anybody ask."""
        return [AllowAny()]

    def retrieve(self, request: Request) -> Response:
        """Answer 200 if both can be reached, else 503."""
        health = services.health_check()
        return Response(
            HealthSerializer(health).data,
            status=status.HTTP_200_OK if all(health.values()) else status.HTTP_503_SERVICE_UNAVAILABLE,
        )


def _caller(request: Request) -> AbstractBaseUser:
    return cast(AbstractBaseUser, request.user)  # Anonymous callers have been refused by now.


def _validated(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    shape = serializer(data=data)
    shape.is_valid(raise_exception=True)
    return cast(dict[str, Any], shape.validated_data)


def _declared_content_type(file: Any) -> str:
    parameters = file.content_type_extra or {}  # Django takes them off the type, their values as bytes.
    return "; ".join([file.content_type or "", *(f"{name}={force_str(value)}" for name, value in parameters.items())])
