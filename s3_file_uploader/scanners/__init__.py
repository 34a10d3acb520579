"""Scan files before users can read them: the interface of a scanner, ClamAV, and the scanners of the settings."""

from .clamav import ClamAV
from .interface import ScanFailed, Scanner, ScannerProblem, ScannerUnavailable, TooLargeToScan, Verdict, load_scanners

__all__ = [
    "ClamAV",
    "ScanFailed",
    "Scanner",
    "ScannerProblem",
    "ScannerUnavailable",
    "TooLargeToScan",
    "Verdict",
    "load_scanners",
]
