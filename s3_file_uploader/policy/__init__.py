"""Decide what is allowed: bucket policies, names, who acts for whom."""
