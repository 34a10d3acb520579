"""Views that a project could have instead of this service, in the same host project, with the same tokens."""
