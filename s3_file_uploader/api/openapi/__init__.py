"""The OpenAPI description of the app; imported where drf-spectacular is installed, and by nothing else.

`errors` says what can go wrong in which operation, `extension` describes the operations.
"""

from drf_spectacular.utils import extend_schema_serializer

from .. import serializers
from . import extension

__all__ = ["extension"]

# In the host's schema our components stand beside its own: `S3Error`, `S3Bucket`, not `Error`, `Bucket`.
for _name in serializers.__all__:
    if _name.endswith("Serializer"):
        extend_schema_serializer(component_name=f"S3{_name.removesuffix('Serializer')}")(getattr(serializers, _name))
