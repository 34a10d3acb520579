"""The OpenAPI description of the app, for drf-spectacular where it is installed."""
