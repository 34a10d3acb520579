"""Views that a project might have instead of ours, on the same host project, behind the same tokens."""
