"""A proxy of the user model, and files of file fields."""

from django.contrib.auth.models import User
from django.db import models


class Customer(User):
    """A class of its own on the same table. Signals have this class as sender."""

    class Meta:
        proxy = True


class Document(models.Model):
    """Files in the default storage, as an app of another package has them."""

    file = models.FileField(upload_to="documents")
    short = models.FileField(max_length=40, blank=True)

    def __str__(self) -> str:
        return self.file.name or ""
