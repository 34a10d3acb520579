"""Uploads to any S3-compatible store, each recorded against the user who made it."""

__version__ = "0.2.0"
