"""The app under its fixed label, wherever its folder lies: installed, or dropped into a host's `modules`."""

import sys
from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig, apps
from django.core.signals import setting_changed
from django.db.models.signals import pre_delete

from .conf import conf
from .exceptions import StorageNotConfigured


class S3FileUploaderConfig(AppConfig):
    """`s3_file_uploader` in INSTALLED_APPS."""

    name = __name__.rpartition(".")[0]
    label = "s3_file_uploader"
    verbose_name = "S3 file uploader"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers, and import the system checks.

        Import the API description if drf-spectacular is installed, and the metrics if prometheus-client is.
        """
        # Models can be imported only now.
        from django.contrib.auth import get_user_model  # noqa: PLC0415

        from .receivers import enqueue_scan, forget_settings, lock_user, mark_user_files  # noqa: PLC0415
        from .signals import file_quarantined  # noqa: PLC0415

        setting_changed.connect(forget_settings, dispatch_uid="s3_file_uploader.setting_forget")
        file_quarantined.connect(enqueue_scan, dispatch_uid="s3_file_uploader.scan_enqueue")
        for model in apps.get_models():
            if issubclass(model, get_user_model()):  # A proxy model is the sender of its own signals.
                pre_delete.connect(lock_user, sender=model, dispatch_uid="s3_file_uploader.user_lock")
                pre_delete.connect(mark_user_files, sender=model, dispatch_uid="s3_file_uploader.user_files_mark")
        import_module(".attachments.changes", __package__).follow_models()
        import_module(".checks", __package__)
        # The test of the wheel covers the other branch, in another process.
        if find_spec("drf_spectacular"):  # pragma: no branch
            import_module(".api.openapi", __package__)
            import_module(".attachments.openapi", __package__)
        if find_spec("prometheus_client"):  # pragma: no branch
            import_module(".metrics", __package__)
        if sys.argv[1:2] == ["runserver"]:
            _start_embedded_s3()


def _start_embedded_s3() -> None:
    """Start the store of S3_FILE_UPLOADER_EMBEDDED, if that is set, before the development server.

    The process that reloads the server starts it, so that it runs on during a reload. Every other process starts or
    finds it at its first call to S3.
    """
    try:
        store = conf.start_embedded_s3()
    except StorageNotConfigured as error:
        sys.exit(f"CommandError: {error}")
    if store and store.pid:
        sys.stdout.write(f"Embedded S3 (JuiceFS gateway) at {store.endpoint_url}\n")
