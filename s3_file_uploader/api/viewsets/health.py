"""Health: for load balancers."""

from rest_framework import status
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ..serializers.responses import HealthSerializer
from .base import ServiceViewSet, audited


class HealthViewSet(ServiceViewSet):
    """Whether database and S3 can be reached; without authentication and without secrets."""

    authentication_classes = ()
    audit_actions = audited(retrieve="health", live="health", ready="health")

    def get_permissions(self) -> list[BasePermission]:
        """Let anybody ask."""
        return [AllowAny()]

    def retrieve(self, request: Request) -> Response:
        """Check that the database and S3 can be reached.

        For load balancers: it needs no credentials and reveals no secrets. Each process of the service asks S3 at most
        once in 5 seconds, and repeats that answer until then.
        """
        health = services.health_check()
        return Response(HealthSerializer(health).data, status=_choose_status(all(health.values())))

    def live(self, request: Request) -> Response:
        """Check that this process serves requests.

        For liveness probes: it contacts neither the database nor S3.
        """
        return Response({"live": True})

    def ready(self, request: Request) -> Response:
        """Check that the database can be reached.

        For readiness probes: it does not contact S3, because lists and records do not need it.
        """
        is_ready = services.database_health_check()
        return Response({"database": is_ready}, status=_choose_status(is_ready))


def _choose_status(is_well: bool) -> int:
    return status.HTTP_200_OK if is_well else status.HTTP_503_SERVICE_UNAVAILABLE
