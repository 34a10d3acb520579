"""Build the responses that are more than JSON of a serializer."""
