"""Save a file on the server."""

from typing import Any

from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string
from rest_framework.request import Request
from rest_framework.response import Response

from ... import services
from ...conf import conf
from ...exceptions import FileNotFound, InvalidFileName
from ..serializers.responses import SavedFileSerializer
from .base import audited, get_caller
from .objects import ObjectViewSet
from .same_origin import refuse_other_sites

ENDING = "/download"
OWN_ACTIONS = ("download", "retrieve_or_download")


class FileDownloadViewSet(ObjectViewSet):
    """GET saves a file on the server; without the final slash only where no file has the whole name.

    A file whose name ends in `/download` has the same address. Other methods are about that file.
    """

    audit_actions = audited(
        download="file_download", retrieve_or_download="file_download", **ObjectViewSet.audit_actions
    )

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Give the name back its ending, where the request is about the file of that name."""
        if self.action_map.get(request.method.lower()) not in OWN_ACTIONS:
            kwargs["file_name"] += ENDING
        return super().dispatch(request, *args, **kwargs)

    def download(self, request: Request, bucket_name: str, file_name: str) -> Response:
        """Save a file in the download folder of the server.

        The server writes the file below `PATH_TO_SAVE_FILE`, whole or not at all, and returns its path. To read
        the bytes yourself, GET the file at its own address. Only staff can save files of other users.
        """
        refuse_other_sites(request)
        for permission in (import_string(path)() for path in conf.download_permission_paths):
            if not permission.has_permission(request, self):
                self.permission_denied(request, message=getattr(permission, "message", None))
        saved = services.file_download(user=get_caller(request), bucket=bucket_name, file_name=file_name)
        return Response(SavedFileSerializer(saved).data)

    def retrieve_or_download(self, request: Request, bucket_name: str, file_name: str) -> HttpResponseBase:
        """Read the file that has this address for its own, else do as with the slash."""
        try:
            return self.retrieve(request, bucket_name, f"{file_name}{ENDING}")
        except (FileNotFound, InvalidFileName):  # There is none, or a name with the ending would be too long.
            return self.download(request, bucket_name, file_name)
