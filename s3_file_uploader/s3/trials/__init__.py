"""Try what the store can do, and what the credentials may do, on scratch objects of our own. For `s3_doctor`."""
