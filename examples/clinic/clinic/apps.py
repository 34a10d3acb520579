from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class ClinicConfig(AppConfig):
    name = "clinic"

    def ready(self):
        from .prepare import prepare  # noqa: PLC0415 - it needs the models

        post_migrate.connect(prepare, sender=apps.get_app_config("people"))
