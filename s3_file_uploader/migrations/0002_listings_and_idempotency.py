"""An index for every filter of a listing, the keys under which clients repeat a request, and who wrote an object."""

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

from ..models import user_deletion


def write_id_fill(apps, schema_editor):
    """Until now a record's one claim was the one that wrote."""
    uploads = apps.get_model('s3_file_uploader', 'FileUpload').objects.using(schema_editor.connection.alias)
    uploads.update(write_id=models.F('claim_id'))


class Migration(migrations.Migration):

    dependencies = [
        ('s3_file_uploader', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('digest', models.CharField(editable=False, max_length=64, primary_key=True, serialize=False)),
                ('claim_id', models.UUIDField(default=uuid.uuid4, editable=False)),
                ('is_answered', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
            ],
        ),
        migrations.AlterField(
            model_name='fileupload',
            name='user',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=user_deletion.on_user_delete, related_name='s3_file_uploads', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='fileupload',
            index=models.Index(fields=['user', 'bucket', '-created_at', '-id'], name='s3_upload_of_user_in_bucket'),
        ),
        migrations.AddIndex(
            model_name='fileupload',
            index=models.Index(fields=['user', 'status', '-created_at', '-id'], name='s3_upload_of_user_by_status'),
        ),
        migrations.AddIndex(
            model_name='fileupload',
            index=models.Index(fields=['user', 'content_type', '-created_at', '-id'], name='s3_upload_of_user_by_type'),
        ),
        migrations.AddIndex(
            model_name='fileupload',
            index=models.Index(fields=['bucket', '-created_at', '-id'], name='s3_upload_in_bucket'),
        ),
        migrations.AddIndex(
            model_name='fileupload',
            index=models.Index(fields=['status', '-created_at', '-id'], name='s3_upload_by_status'),
        ),
        migrations.AddIndex(
            model_name='fileupload',
            index=models.Index(fields=['content_type', '-created_at', '-id'], name='s3_upload_by_type'),
        ),
        migrations.AddField(
            model_name='idempotencykey',
            name='upload',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='idempotency_keys', to='s3_file_uploader.fileupload'),
        ),
        migrations.AddField(
            model_name='fileupload',
            name='write_id',
            field=models.UUIDField(default=uuid.uuid4, editable=False),
        ),
        migrations.RunPython(write_id_fill, migrations.RunPython.noop),
    ]
