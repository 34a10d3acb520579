"""Stream objects to and from S3 in bounded memory."""
