from django.conf import settings
from django.db import models

from s3_file_uploader.attachments import UploadField


class Profile(models.Model):
    """Of a user, with one picture. A new picture replaces the old one, whose file is removed."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    speciality = models.CharField(max_length=100, blank=True)
    avatar = UploadField(blank=True, content_types=["image/png", "image/jpeg", "image/webp"], max_bytes=5_000_000)

    def __str__(self):
        return self.user.get_full_name() or self.user.get_username()
