"""A user by another name."""

from django.contrib.auth.models import User


class Customer(User):
    """The same table, a class of its own: signals name this one."""

    class Meta:
        proxy = True
