"""Detect the type of a file from its first bytes. Pure functions."""
