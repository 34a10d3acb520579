"""A token for a name and a password, for clients without a browser."""

from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_view
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser

from .accounts import PASSWORD

MESSAGES = {"type": "array", "items": {"type": "string"}}
# If the body cannot be parsed, `detail` holds one message instead of a list.
MESSAGES_BY_FIELD = {"type": "object", "additionalProperties": {"oneOf": [MESSAGES, {"type": "string"}]}}
MESSAGE = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}


@extend_schema_view(
    post=extend_schema(
        operation_id="auth_token",
        tags=["Authentication"],
        summary="Get a token for a name and a password.",
        description="Send it in the header `Authorization: Token ...`. Errors have the shape of Django REST framework.",
        auth=[],
        examples=[
            OpenApiExample("Staff of `make run`", {"username": "demo_staff", "password": PASSWORD}, request_only=True)
        ],
        responses={
            200: OpenApiResponse(AuthTokenSerializer, "The token.", [OpenApiExample("Token", {"token": "0123abcd"})]),
            400: OpenApiResponse(
                MESSAGES_BY_FIELD,
                "The errors of each field; `non_field_errors` if name and password do not match.",
                [OpenApiExample("Refused", {"non_field_errors": ["Unable to log in with provided credentials."]})],
            ),
            415: OpenApiResponse(
                MESSAGE,
                "The body is neither JSON nor a form.",
                [OpenApiExample("Media type", {"detail": 'Unsupported media type "text/plain" in request.'})],
            ),
        },
    )
)
class TokenView(ObtainAuthToken):
    """DRF's own view, described. It ignores the credentials of the request."""

    authentication_classes = ()
    parser_classes = (JSONParser, FormParser, MultiPartParser)  # The API page shows the first one.
