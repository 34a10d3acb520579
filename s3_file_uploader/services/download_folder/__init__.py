"""The files that `download/` saves under PATH_TO_SAVE_FILE, and how much room they take."""
