"""A host's own app with a proxy of the user model, for tests only."""
