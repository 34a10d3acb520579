"""`s3_housekeeping` is for cron."""
