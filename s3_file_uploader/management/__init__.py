"""Management commands, and their arguments, advice and progress bars."""
