"""Health: for load balancers."""

from rest_framework import status
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from ..serializers import HealthSerializer
from .base import ServiceViewSet, audited


class HealthViewSet(ServiceViewSet):
    """Whether database and S3 can be reached; without authentication and without secrets."""

    authentication_classes = ()
    audit_actions = audited(retrieve="health")

    def get_permissions(self) -> list[BasePermission]:
        """Let anybody ask."""
        return [AllowAny()]

    def retrieve(self, request: Request) -> Response:
        """Answer 200 if both can be reached, else 503."""
        health = services.health_check()
        return Response(
            HealthSerializer(health).data,
            status=status.HTTP_200_OK if all(health.values()) else status.HTTP_503_SERVICE_UNAVAILABLE,
        )
