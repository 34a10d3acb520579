"""`manage.py s3_housekeeping`."""
