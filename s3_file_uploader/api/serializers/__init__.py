"""The shapes of requests and responses. Plain serializers: no queries, no S3."""
