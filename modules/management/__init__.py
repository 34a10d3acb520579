"""Commands of the host project."""
