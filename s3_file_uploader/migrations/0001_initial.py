"""The table of uploads. The relative import keeps it right wherever the folder of the app lies."""

import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from ..models import user_deletion


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='FileUpload',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('bucket', models.CharField(max_length=63)),
                ('file_name', models.CharField(help_text='The object key.', max_length=1024)),
                ('location_digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('original_name', models.CharField(help_text='The name on the device that sent it.', max_length=1024)),
                ('size', models.BigIntegerField(help_text='Bytes.', null=True)),
                ('content_type', models.CharField(max_length=255)),
                ('etag', models.CharField(blank=True, max_length=255)),
                ('checksum_sha256', models.CharField(blank=True, max_length=64)),
                ('status', models.CharField(choices=[('pending', 'Pending'), ('stored', 'Stored'), ('deleting', 'Deleting')], max_length=8)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('completed_at', models.DateTimeField(null=True)),
                ('claim_id', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('claimed_until', models.DateTimeField(editable=False, null=True)),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=user_deletion.on_user_delete, related_name='s3_file_uploads', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ('-created_at', '-id'),
                'indexes': [models.Index(fields=['user', '-created_at', '-id'], name='s3_upload_of_user'), models.Index(fields=['-created_at', '-id'], name='s3_upload_newest'), models.Index(condition=models.Q(('claimed_until__isnull', False)), fields=['claimed_until'], name='s3_upload_claims')],
                'constraints': [models.CheckConstraint(condition=models.Q(('status__in', ('pending', 'stored', 'deleting'))), name='s3_upload_status_known'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'stored'), _negated=True), models.Q(('completed_at__isnull', False), ('size__gte', 0), ('size__isnull', False), models.Q(('etag', ''), _negated=True)), _connector='OR'), name='s3_upload_stored_is_whole')],
            },
        ),
    ]
