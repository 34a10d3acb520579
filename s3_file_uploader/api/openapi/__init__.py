"""The OpenAPI description of the app; imported where drf-spectacular is installed, and by nothing else.

The words of an operation are the docstring of its action, those of a field its `help_text`.
"""

from drf_spectacular.utils import extend_schema_serializer

from ..serializers import direct_uploads, requests, responses, shares, uppy
from . import extension
from .examples import serializer_examples

__all__ = ["extension"]

# Clients generated from the schema know this component by an older name.
OLDER_NAMES = {"PartNumbersSerializer": "PartsWantedSerializer"}

# In the host's schema our components stand beside its own: `S3Error`, `S3Bucket`, not `Error`, `Bucket`.
# Without `many=False`, drf-spectacular takes the response of an action `list` for an array.
for _module in (direct_uploads, requests, responses, shares, uppy):
    for _name, _serializer in vars(_module).items():
        if _name.endswith("Serializer"):
            extend_schema_serializer(
                many=False,
                component_name=f"S3{OLDER_NAMES.get(_name, _name).removesuffix('Serializer')}",
                examples=serializer_examples(_serializer),
            )(_serializer)
