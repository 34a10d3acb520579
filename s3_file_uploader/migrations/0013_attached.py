"""Mark the files that fields of the host refer to."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("s3_file_uploader", "0012_folders")]
    operations = [
        migrations.AddField(
            model_name="fileupload",
            name="attached_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
    ]
