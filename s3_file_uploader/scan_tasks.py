"""Scans in workers, as a background task of Django. Imported only if S3_FILE_UPLOADER_SCAN_TASK_BACKEND is set.

The module must not be called `tasks`, because Celery imports all modules of that name, and this one fails to import in
a project without background tasks.
https://docs.djangoproject.com/en/6.0/topics/tasks/ and, for Django 5.2, https://pypi.org/project/django-tasks/
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from . import services
from .conf import conf
from .models import FileUpload

interface: Any = import_module("django.tasks" if find_spec("django.tasks") else "django_tasks")


@interface.task  # type: ignore[untyped-decorator]  # The types are in another package with Django 5.2.
def file_scan(upload_id: str) -> str | None:
    """Scan a file that is still in quarantine, and return the outcome. Without a verdict it stays in quarantine.

    Args:
        upload_id: the id of the record.
    """
    upload = FileUpload.objects.filter(pk=upload_id).first()
    return None if upload is None else services.upload_scan(upload=upload).value


def enqueue_file_scan(upload: FileUpload) -> None:
    """Enqueue the task that scans the file."""
    file_scan.using(backend=conf.scan_task_backend).enqueue(str(upload.pk))
