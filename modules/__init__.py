"""The host project: a small Django site around the app, to run, to test with and to copy from. Not in the wheel."""
