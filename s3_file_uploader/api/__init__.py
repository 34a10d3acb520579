"""HTTP in, HTTP out: every endpoint, and how its requests and responses look."""
