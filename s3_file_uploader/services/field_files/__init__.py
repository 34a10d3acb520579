"""Files of file fields: stored, read and removed within the transactions of the host."""
