"""Make an account and the buckets after `migrate`, so that two commands start the example."""

from contextlib import suppress

from django.contrib.auth import get_user_model

from s3_file_uploader import services
from s3_file_uploader.exceptions import BucketExists

DOCTOR = {"first_name": "Ada", "last_name": "Lang", "is_staff": True, "is_superuser": True}


def prepare(**kwargs):
    doctor, is_new = get_user_model().objects.get_or_create(username="doctor", defaults=DOCTOR)
    if is_new:
        doctor.set_password("demo-password")
        doctor.save()
    for bucket in ("clinic-uploads", "clinic-letters"):
        with suppress(BucketExists):
            services.bucket_create(user=doctor, name=bucket)
