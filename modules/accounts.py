"""The accounts that `make run` makes. Their password is public: it stands in the README."""

ACCOUNTS = {"demo_staff": True, "demo_user": False, "demo_other": False}
PASSWORD = "demo-password"  # noqa: S105 - published on purpose
