"""Delete files with their objects, and say before how many bytes and share links go."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect

from .. import services
from ..models import FileUpload, ShareLink
from .formats import format_exact_size
from .read_only import get_staff
from .selection import DELETE_SELECTED, LimitedDeletion
from .storage_errors import respond

# Django's own page collects every link of a file. The owner of a file can make any number of them.
MAX_COLLECTED_LINKS = 1000


@dataclass(frozen=True, slots=True)
class Deletion:
    """The files, bytes, records and links that a deletion removes.

    Attributes:
        files: whole files in S3.
        size: their bytes, in words and exactly.
        others: records of unfinished uploads and rejected files.
        links: share links.
        usable_links: those of them that work until the deletion.
    """

    files: int
    size: str
    others: int
    links: int
    usable_links: int

    @classmethod
    def of(cls, pks: list[Any]) -> "Deletion":
        """Return what the deletion of the records with these primary keys removes."""
        is_whole = Q(status__in=FileUpload.WHOLE)
        counts: dict[str, Any] = FileUpload.objects.filter(pk__in=pks).aggregate(
            all=Count("pk"), files=Count("pk", filter=is_whole), size=Sum("size", filter=is_whole)
        )
        links = ShareLink.objects.filter(upload__in=pks)
        return cls(
            files=counts["files"],
            size=format_exact_size(counts["size"] or 0),
            others=counts["all"] - counts["files"],
            links=links.count(),
            usable_links=links.usable().count(),
        )


class UploadDeletion(LimitedDeletion):
    """The pages that ask before a deletion, and the deletion."""

    delete_confirmation_template = "admin/s3_file_uploader/fileupload/delete_confirmation.html"
    delete_selected_confirmation_template = "admin/s3_file_uploader/fileupload/delete_selected_confirmation.html"

    @method_decorator(csrf_protect)
    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Delete a file, or show the error of S3.

        Django's own `delete_view` wraps `_delete_view` in a transaction. Here the claim must be committed before the
        call to S3.
        """
        delete = cast(Any, super())._delete_view
        upload = self.get_object(request, unquote(object_id))
        summary = {} if upload is None or request.method == "POST" else {"deletion": Deletion.of([upload.pk])}
        return respond(self, request, lambda: delete(request, object_id, {**summary, **(extra_context or {})}))

    @admin.action(permissions=["delete"], description=DELETE_SELECTED)
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> HttpResponse | None:
        """Ask, then delete the files."""
        response = super().delete_selected(request, queryset)
        if isinstance(response, TemplateResponse):
            context: Any = response.context_data
            context["deletion"] = Deletion.of([upload.pk for upload in context["queryset"]])
        return response

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Return what goes with the files. Count the share links instead of listing them if there are many."""
        pks = [upload.pk for upload in objs]
        count = ShareLink.objects.filter(upload__in=pks).count()
        if count <= MAX_COLLECTED_LINKS:
            return super().get_deleted_objects(objs, request)
        names = [str(upload) for upload in objs]
        lacking = set() if self._may_delete_links(request) else {ShareLink._meta.verbose_name}
        counts = {FileUpload._meta.verbose_name_plural: len(names), ShareLink._meta.verbose_name_plural: count}
        return names, counts, lacking, []

    def _may_delete_links(self, request: HttpRequest) -> bool:
        site = self.admin_site
        return not site.is_registered(ShareLink) or site.get_model_admin(ShareLink).has_delete_permission(request)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> list[Any]:
        """Log nothing, because Django calls this before the deletion, which S3 may refuse."""
        return []

    def delete_model(self, request: HttpRequest, obj: FileUpload) -> None:
        """Remove the object, then the record, then log the deletion."""
        logged = FileUpload(pk=obj.pk, bucket=obj.bucket, file_name=obj.file_name)
        services.record_delete(user=get_staff(request), upload=obj)
        super().log_deletions(request, cast(Any, [logged]))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[FileUpload]) -> None:
        """Delete the files one by one."""
        for upload in queryset:
            self.delete_model(request, upload)
