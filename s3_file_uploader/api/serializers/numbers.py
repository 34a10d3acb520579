"""Whole numbers in queries and bodies: plain ASCII digits, read alike in both."""

import re
from typing import Any

from rest_framework import serializers

# Of text: Python also reads 1_000 and digits of other scripts as numbers.
WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)


def whole_number(text: str) -> int:
    """Return the number that the digits are.

    Raises:
        ValueError: there is something else among them.
    """
    if not WHOLE_NUMBER.fullmatch(text):
        raise ValueError(text)
    return int(text)


class WholeNumberField(serializers.IntegerField):
    """Takes digits as text, or a whole number of JSON; nothing else, and no empty text."""

    def get_value(self, dictionary: Any) -> Any:
        """Return an empty value as it is; DRF takes it for none in queries and forms, but not in JSON."""
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        is_number = type(data) is int or (isinstance(data, str) and WHOLE_NUMBER.fullmatch(data) is not None)
        if not is_number:
            self.fail("invalid")
        return super().to_internal_value(data)
