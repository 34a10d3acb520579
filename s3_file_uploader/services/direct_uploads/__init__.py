"""Uploads that clients send straight to S3."""
