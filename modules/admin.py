"""The user admin of the host project: Django's own, with links to the files of each user."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User

from s3_file_uploader.admin import UserLinksMixin

if TYPE_CHECKING:
    AnyUserAdmin = UserAdmin[User]
else:
    AnyUserAdmin = UserAdmin
admin.site.unregister(User)


@admin.register(User)
class FileUserAdmin(UserLinksMixin, AnyUserAdmin):
    """Django's user admin with the section "Files"."""
