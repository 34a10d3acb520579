"""Reduce the content types of existing records to essence and charset, as `content_types.normalize_content_type` does."""

import re

from django.db import migrations

ESSENCE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}", re.ASCII)
CHARSET = re.compile(r';[ \t]*charset=("?)([a-z0-9][\w.+-]{0,39})\1[ \t]*(?:;|\Z)', re.ASCII | re.IGNORECASE)
MAX_LENGTH = 255


def reduce_content_type(content_type):
    essence = content_type.partition(";")[0].strip().lower()
    if not ESSENCE.fullmatch(essence):
        return "application/octet-stream"
    charset = CHARSET.search(content_type)
    with_charset = f"{essence}; charset={charset.group(2)}" if charset else essence
    return with_charset if len(with_charset) <= MAX_LENGTH else essence


def content_types_reduce(apps, schema_editor):
    uploads = apps.get_model("s3_file_uploader", "FileUpload").objects.using(schema_editor.connection.alias)
    for content_type in set(uploads.order_by().values_list("content_type", flat=True).distinct()):
        if reduce_content_type(content_type) != content_type:
            uploads.filter(content_type=content_type).update(content_type=reduce_content_type(content_type))


class Migration(migrations.Migration):
    dependencies = [("s3_file_uploader", "0009_keys_in_byte_order")]
    operations = [migrations.RunPython(content_types_reduce, migrations.RunPython.noop)]
