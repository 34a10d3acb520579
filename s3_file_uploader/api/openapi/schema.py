"""What the descriptions of operations have in common."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiRequest, OpenApiResponse, extend_schema

from .errors import error_answers, retry_after

Describe = Callable[[], Callable[[Any], Any]]

FORM = ("multipart/form-data",)
ANY_BODY = ("application/json", "application/x-www-form-urlencoded", *FORM)


def answer(serializer: Any, description: str, example: Any) -> OpenApiResponse:
    """Return an answer with a body, and an example of it."""
    return OpenApiResponse(serializer, description, [OpenApiExample(description.rstrip("."), example)])


def body(serializer: Any, name: str, example: Any, media_types: tuple[str, ...]) -> dict[str, Any]:
    """Return a request body, with the same example in each media type."""
    return {kind: OpenApiRequest(serializer, examples=[OpenApiExample(name, example)]) for kind in media_types}


def described(
    operation: str, tag: str, answers: dict[Any, Any], *, parameters: tuple[Any, ...] = (), **rest: Any
) -> Callable[[Any], Any]:
    """Return the description of an operation, its errors included.

    Args:
        operation: its id, a key of `errors.RAISED`.
        tag: under which it is listed.
        answers: what it says when all is well, by status, or by status and media type.
        parameters: of path, query and headers, and headers of answers.
        rest: as `extend_schema` takes it.
    """
    errors = error_answers(operation)
    return extend_schema(
        operation_id=operation,
        tags=[tag],
        parameters=[*parameters, retry_after(errors)],
        responses={**answers, **errors},
        **rest,
    )
