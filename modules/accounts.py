"""The accounts that `make run` makes. Everybody knows their password: it stands in the README."""

ACCOUNTS = {"demo_staff": True, "demo_user": False, "demo_other": False}
PASSWORD = "demo-password"  # noqa: S105 - told to everybody, on purpose
