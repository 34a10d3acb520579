"""Record every operation: one log line and, where a setting asks for it, one row."""
