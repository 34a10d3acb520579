"""Keep the rows read-only, because the API writes them, and find out who looks at them."""

from typing import Any, cast

from django.contrib.auth.base_user import AbstractBaseUser
from django.http import HttpRequest


class ReadOnly:
    """Let staff add and change nothing: the API adds the rows, and a row describes what happened or what S3 stores."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return False."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return False."""
        return False


def get_staff(request: HttpRequest) -> AbstractBaseUser:
    """Return the user of a request. `admin_view` has refused anonymous users."""
    return cast(AbstractBaseUser, request.user)


def has_permission(request: HttpRequest, permission: str) -> bool:
    """Return True if the user has a permission of this app.

    Args:
        request: of the admin.
        permission: its name without the app, such as `add_sharelink`.
    """
    return cast(Any, request.user).has_perm(f"s3_file_uploader.{permission}")  # type: ignore[no-any-return]
