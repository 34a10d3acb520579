"""What is done in Django before anything is measured."""
