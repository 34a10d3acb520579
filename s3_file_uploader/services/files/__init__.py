"""Read, list, share, save and delete stored files."""
