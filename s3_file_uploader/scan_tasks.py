"""Scans outside of requests, by Django's tasks; imported only where S3_FILE_UPLOADER_SCAN_TASK_BACKEND is set.

Not called `tasks`: Celery imports all modules of that name, also where there is no such interface.
https://docs.djangoproject.com/en/6.0/topics/tasks/; for Django 5.2 there is https://pypi.org/project/django-tasks/
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from . import services
from .conf import conf
from .models import FileUpload

interface: Any = import_module("django.tasks" if find_spec("django.tasks") else "django_tasks")


@interface.task  # type: ignore[untyped-decorator]  # Its types lie elsewhere with each Django.
def file_scan(upload_id: str) -> str | None:
    """Scan a file, if it still waits for it; tell what became of it. Where no scanner answers, it waits on.

    Args:
        upload_id: of the record.
    """
    upload = FileUpload.objects.filter(pk=upload_id).first()
    return None if upload is None else services.upload_scan(upload=upload).value


def file_scan_enqueue(upload: FileUpload) -> None:
    """Have a worker scan the file."""
    file_scan.using(backend=conf.scan_task_backend).enqueue(str(upload.pk))
