"""System checks of the settings: what is missing, impossible or dangerous, before the first request finds out."""

from . import policies, scanners, settings

__all__ = ["policies", "scanners", "settings"]
