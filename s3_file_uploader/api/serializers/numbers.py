"""Whole numbers in queries and bodies, validated alike: ASCII digits only."""

import re
from typing import Any

from rest_framework import serializers

# `int()` also accepts 1_000 and digits of other scripts.
WHOLE_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)


def whole_number(text: str) -> int:
    """Return the number that the digits spell.

    Raises:
        ValueError: the text has other characters than digits.
    """
    if not WHOLE_NUMBER.fullmatch(text):
        raise ValueError(text)
    return int(text)


class WholeNumberField(serializers.IntegerField):
    """Accepts digits as text and whole numbers of JSON; rejects everything else, empty text too."""

    def get_value(self, dictionary: Any) -> Any:
        """Return an empty value unchanged. DRF treats it as missing in queries and forms, but not in JSON."""
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, data: Any) -> int:
        """Return the number."""
        is_number = type(data) is int or (isinstance(data, str) and WHOLE_NUMBER.fullmatch(data) is not None)
        if not is_number:
            self.fail("invalid")
        return super().to_internal_value(data)
