"""Scan quarantined files."""
