"""Examine the installation: settings, store, bucket, database, and the parts around them. For `s3_doctor`."""
