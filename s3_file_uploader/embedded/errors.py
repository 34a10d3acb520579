"""The one error of the embedded S3."""


class EmbeddedS3Error(RuntimeError):
    """The embedded S3 cannot be used; the message says what to do."""
