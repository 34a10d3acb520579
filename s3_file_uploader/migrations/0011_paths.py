"""Keep of each record the path under which users see its file: the object key without the id of a direct upload."""

from django.db import migrations, models
from django.db.models import F

from ..conf import conf

BATCH = 1000


def fill_paths(apps, schema_editor):
    uploads = apps.get_model("s3_file_uploader", "FileUpload").objects.using(schema_editor.connection.alias)
    uploads.filter(strategy="").update(path=F("file_name"))
    direct = uploads.exclude(strategy="").order_by("pk")
    batch = list(direct[:BATCH])
    while batch:
        for upload in batch:
            before, _, name = upload.file_name.rpartition(f"{upload.pk}/")
            upload.path = f"{before.removesuffix(conf.direct_prefix)}{name}"
        uploads.bulk_update(batch, ["path"])
        batch = list(direct.filter(pk__gt=batch[-1].pk)[:BATCH])


class Migration(migrations.Migration):
    dependencies = [("s3_file_uploader", "0010_content_types_kept")]
    operations = [
        migrations.AddField(
            model_name="fileupload",
            name="path",
            field=models.CharField(
                default="",
                editable=False,
                help_text="The object key as users see it: without the id of a direct upload.",
                max_length=1024,
            ),
        ),
        migrations.RunPython(fill_paths, migrations.RunPython.noop),
    ]
