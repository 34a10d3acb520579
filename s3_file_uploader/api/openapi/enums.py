"""Enums as components with the prefix of the app, so that they do not collide with enums of the host."""

from typing import Any

from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent, safe_ref

from ...models import FileUpload
from ...values import DISPOSITIONS
from ..serializers.direct_uploads import AUTO
from ..serializers.uppy import METHODS

NAMES: dict[tuple[str, ...], str] = {
    tuple(FileUpload.Status.values): "S3UploadStatus",
    (AUTO, *FileUpload.Strategy.values): "S3TransferStrategy",
    **{(strategy,): f"S3{strategy.capitalize()}Strategy" for strategy in FileUpload.Strategy.values},
    tuple(DISPOSITIONS): "S3Disposition",
    METHODS: "S3UppyMethod",
}


def enum_component(registry: ComponentRegistry, name: str, values: list[str]) -> dict[str, str]:
    """Register an enum of strings, and return the reference to it."""
    schema = {"type": "string", "enum": values}
    component = ResolvedComponent(  # type: ignore[no-untyped-call]
        name, ResolvedComponent.SCHEMA, schema=schema, object=name
    )
    registry.register_on_missing(component)
    return component.ref


def field_for_clients(registry: ComponentRegistry, field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field as generators of clients need it.

    An enum becomes a reference. A default becomes an example: generators such as openapi-typescript take a field that
    has a default for required, and Swagger UI fills in the example.
    """
    rest = {"example" if name == "default" else name: value for name, value in field.items()}
    name = NAMES.get(tuple(rest.get("enum", ())))
    if name is None:
        return rest
    described = {key: value for key, value in rest.items() if key not in ("type", "enum", "x-spec-enum-id")}
    # drf-spectacular appends a list of the values, behind an empty line or as the only text.
    words = described.pop("description", "").partition("* `")[0].strip()
    if words:
        described["description"] = words
    return safe_ref({**described, **enum_component(registry, name, rest["enum"])})
