"""Uploads that pass through this server."""
