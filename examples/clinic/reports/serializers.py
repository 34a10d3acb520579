from rest_framework import serializers

from s3_file_uploader.attachments import UploadSerializerField

from .models import Report


class ReportSerializer(serializers.ModelSerializer):
    """Takes ids of uploads that the caller owns, and shows each file with a URL that expires."""

    attachments = UploadSerializerField(many=True, required=False)

    class Meta:
        model = Report
        fields = ("id", "patient", "findings", "attachments", "created_at")
