"""System checks that find missing, invalid and dangerous settings before the first request does."""

from . import api, attachments, policies, scanners, settings, storages, store

__all__ = ["api", "attachments", "policies", "scanners", "settings", "storages", "store"]
