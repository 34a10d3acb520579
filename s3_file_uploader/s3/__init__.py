"""Everything that speaks to S3. Only this package imports boto3, botocore and urllib3."""
