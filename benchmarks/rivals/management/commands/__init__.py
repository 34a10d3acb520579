"""`stage_prepare` for every part, `rows_fill` for the lists, `bucket_compared` for housekeeping."""
