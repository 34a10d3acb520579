"""Unit tests use moto and no network; `integration/` speaks HTTP to a running server, a real S3 and a real database."""
