"""What looks into files before anybody gets them: the interface, ClamAV, and those that the settings name."""

from .clamav import ClamAV
from .interface import ScanFailed, Scanner, ScannerProblem, ScannerUnavailable, TooLargeToScan, Verdict, scanners

__all__ = [
    "ClamAV",
    "ScanFailed",
    "Scanner",
    "ScannerProblem",
    "ScannerUnavailable",
    "TooLargeToScan",
    "Verdict",
    "scanners",
]
