"""A host's own app around the user model, as many projects have one; only for the tests."""
