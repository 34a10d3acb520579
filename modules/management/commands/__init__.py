"""`demo` is behind `make run`."""
