"""What looks into files before anybody gets them: the interface, ClamAV, and those that the settings name."""

from .clamav import ClamAV
from .interface import FileNotScannable, Scanner, ScannerProblem, ScannerUnavailable, Verdict, scanners

__all__ = ["ClamAV", "FileNotScannable", "Scanner", "ScannerProblem", "ScannerUnavailable", "Verdict", "scanners"]
