"""A proxy of the user model."""

from django.contrib.auth.models import User


class Customer(User):
    """A class of its own on the same table. Signals have this class as sender."""

    class Meta:
        proxy = True
