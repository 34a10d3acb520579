"""As the app of another author: it has plain file fields, and does not know of uploads."""

from django.db import models


class Letter(models.Model):
    subject = models.CharField(max_length=100)
    scan = models.FileField(upload_to="letters/%Y/")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-received_at",)

    def __str__(self):
        return self.subject
