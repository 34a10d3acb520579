"""Models of a host with uploads in their own fields."""

from django.conf import settings
from django.db import models

from s3_file_uploader.attachments import UploadField, UploadsField


class Owned(models.Model):
    """Fields of abstract models come to their children."""

    avatar = UploadField(blank=True, content_types=["image/*", "text/plain"], extensions=["png", "txt"], max_bytes=100)

    class Meta:
        abstract = True


class Profile(Owned):
    """One file in each of several fields."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True)
    name = models.CharField(max_length=50, blank=True)
    cover = UploadField(blank=True, cleanup="keep", on_delete=models.SET_NULL)
    logo = UploadField(blank=True, shared=True)

    def __str__(self):
        return self.name


class SpecialProfile(Profile):
    """A table of its own, and the fields of its parent."""

    badge = UploadField(blank=True)


class ProfileProxy(Profile):
    """No table of its own."""

    class Meta:
        proxy = True


class Report(models.Model):
    """Several files in one field, and a foreign key that attaches nothing."""

    title = models.CharField(max_length=50, blank=True)
    attachments = UploadsField(blank=True, max_bytes=100)
    pictures = UploadsField(blank=True, shared=True, cleanup="keep", content_types=["image/*"])
    albums = UploadsField(blank=True, related_name="albums")
    mentioned = models.ForeignKey(
        "s3_file_uploader.FileUpload", on_delete=models.PROTECT, null=True, blank=True, related_name="mentions"
    )

    def __str__(self):
        return self.title
