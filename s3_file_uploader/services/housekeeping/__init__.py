"""Finish or undo what crashes and lost clients leave behind."""
