"""Build the messages of the system checks."""

from django.core.checks import Error
from django.core.checks import Warning as CheckWarning


def build_error(number: str, message: str, hint: str) -> Error:
    """Return the error with an id such as E001."""
    return Error(message, hint=hint, id=f"s3_file_uploader.{number}")


def build_warning(number: str, message: str, hint: str) -> CheckWarning:
    """Return the warning with an id such as W001."""
    return CheckWarning(message, hint=hint, id=f"s3_file_uploader.{number}")
