"""Create, list and remove buckets; their CORS rules; the health of the store."""
