"""The host project as an app: its commands and its system checks."""

from importlib import import_module

from django.apps import AppConfig


class ModulesConfig(AppConfig):
    """`modules`."""

    name = "modules"

    def ready(self) -> None:
        """Register the system checks."""
        import_module(".checks", self.name)
