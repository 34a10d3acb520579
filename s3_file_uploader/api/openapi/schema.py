"""An operation as `extend_schema` takes it: words from docstrings, examples and errors from the tables."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiRequest, OpenApiResponse, extend_schema
from rest_framework.serializers import Serializer

from .errors import error_responses
from .parameters import query_examples

Describe = Callable[[], Callable[[Any], Any]]

TAGS = {
    "bucket": "Buckets",
    "object": "Buckets",
    "file": "Files",
    "upload": "Uploads",
    "uppy": "Uppy",
    "share": "Shares",
    "health": "Health",
}


def describe(
    operation_id: str, responses: Mapping[Any, Any], *, parameters: tuple[Any, ...] = (), **rest: Any
) -> Callable[[Any], Any]:
    """Return the description of an operation, its errors and examples included.

    Args:
        operation_id: its name in generated clients, a key of `errors.RAISED`; it begins with a key of `TAGS`.
        responses: of success, by status: a serializer, an `OpenApiResponse` or, without a body, None.
        parameters: of query and headers, a serializer for a whole query; and headers of responses.
        rest: as `extend_schema` takes it.
    """
    queries, body = _serializers(*parameters), rest.get("request")
    errors, retry_after = error_responses(
        operation_id, [*queries, *_serializers(body)], has_body=bool(body), is_public=rest.get("auth") == []
    )
    return extend_schema(
        operation_id=operation_id,
        tags=[TAGS[operation_id.partition("_")[0]]],
        parameters=[*parameters, retry_after],
        examples=[example for query in queries for example in query_examples(query)],
        responses={status: _response(shape) for status, shape in responses.items()} | errors,
        **rest,
    )


def _serializers(*parameters: Any) -> list[type[Serializer[Any]]]:
    return [each for each in parameters if isinstance(each, type) and issubclass(each, Serializer)]


def _response(shape: Any) -> OpenApiResponse:
    """Describe a response by the docstring of its serializer, unless it is described already."""
    if isinstance(shape, OpenApiResponse):
        return shape
    return OpenApiResponse(shape, description=shape.__doc__ if shape else "Done. The response has no body.")


def operation(*arguments: Any, **options: Any) -> Describe:
    """Return the description of an operation, made when drf-spectacular asks for it."""
    return partial(describe, *arguments, **options)


def answer(shape: Any, words: str, example: Any) -> OpenApiResponse:
    """Return a response with words and an example of its own."""
    return OpenApiResponse(shape, words, [OpenApiExample("Example", example)])


def body(shape: Any, example: Any, *media_types: str) -> dict[str, OpenApiRequest]:
    """Return a body of other media types than the parsers of the viewset take."""
    return {kind: OpenApiRequest(shape, examples=[OpenApiExample("Example", example)]) for kind in media_types}
