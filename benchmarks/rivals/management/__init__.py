"""Preparations in Django before a measurement."""
