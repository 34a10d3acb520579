"""The one error of this package."""


class EmbeddedS3Error(RuntimeError):
    """The embedded S3 cannot be used; the message says what to do."""
