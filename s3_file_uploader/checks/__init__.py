"""System checks that find missing, invalid and dangerous settings before the first request does."""

from . import api, attachments, console, policies, scanners, settings, storages, store

__all__ = ["api", "attachments", "console", "policies", "scanners", "settings", "storages", "store"]
