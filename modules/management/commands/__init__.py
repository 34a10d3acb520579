"""`demo` is behind `make run`; `runserver` brings the embedded S3 along."""
