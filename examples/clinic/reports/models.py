from django.conf import settings
from django.db import models

from s3_file_uploader.attachments import UploadsField


class Report(models.Model):
    """Of a patient, with any number of files. Their files go with the report."""

    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    patient = models.CharField(max_length=100)
    findings = models.TextField()
    attachments = UploadsField(blank=True, max_bytes=500_000_000)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self):
        return f"Report on {self.patient}"
