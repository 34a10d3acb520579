# Apart from 0011: PostgreSQL cannot create an index in the transaction that changed the rows of the table.

from django.conf import settings
from django.db import migrations, models

from ..models.byte_order import ByteOrder


class Migration(migrations.Migration):
    dependencies = [
        ("s3_file_uploader", "0011_paths"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddIndex(
            model_name="fileupload",
            index=models.Index("user", "bucket", ByteOrder("path"), "id", name="s3_upload_of_user_by_path"),
        ),
        migrations.AddIndex(
            model_name="fileupload", index=models.Index("bucket", ByteOrder("path"), "id", name="s3_upload_by_path")
        ),
    ]
