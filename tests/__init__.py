"""Tests: `unit/` uses moto and no network, `integration/` a running server, a real S3 and a real database over HTTP."""
