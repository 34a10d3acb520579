"""Buckets: list, create, remove."""

from collections.abc import Sequence

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ...conf import conf
from ..serializers.requests import BucketCreateSerializer
from ..serializers.responses import BucketListSerializer, CreatedBucketSerializer
from .base import ServiceViewSet, audited, get_caller, validated


class BucketViewSet(ServiceViewSet):
    """List, create and remove buckets."""

    audit_actions = audited(list="bucket_list", create="bucket_create", destroy="bucket_remove")

    def get_permission_paths(self) -> Sequence[str]:
        """Let everybody list, and only the configured permission create and remove."""
        changes = self.action in ("create", "destroy")
        return conf.bucket_permission_paths if changes else conf.file_permission_paths

    def list(self, request: Request) -> Response:
        """List the buckets that you may see.

        Staff see all buckets. Other users see the buckets that the settings open to them.
        """
        listing = services.bucket_list(user=get_caller(request))
        return Response(BucketListSerializer(listing).data)

    def create(self, request: Request) -> Response:
        """Create a private bucket.

        Only staff may create buckets, unless the settings say otherwise. Give the name as `bucket` or as
        `bucket_name`. The server also blocks public access, if the store supports that.
        """
        params = validated(BucketCreateSerializer, request.data)
        bucket = services.bucket_create(user=get_caller(request), **params)
        return Response(CreatedBucketSerializer(bucket).data, status=status.HTTP_201_CREATED)

    def destroy(self, request: Request, owner_id: str, bucket_name: str) -> Response:
        """Remove an empty bucket from its owner.

        Only staff may remove buckets, unless the settings say otherwise. The bucket stays if it holds a file
        or an old version of one, or if its owner is not the one named here.
        """
        services.bucket_remove(user=get_caller(request), owner_id=owner_id, name=bucket_name)
        return Response(status=status.HTTP_204_NO_CONTENT)
