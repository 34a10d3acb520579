"""The answer with the URLs of parts. They come by the thousand: to write them as JSON took longer than to sign them."""

import json

from django.http import HttpResponse, HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from ...values import SignedParts
from ..serializers import SignedPartsSerializer, time_shown

PLAIN_JSON = "application/json"


def answer_part_urls(request: Request, signed: SignedParts) -> HttpResponseBase:
    """Answer with signed parts, in the form that the host and the client want.

    Where that is DRF's own JSON, it is written here, byte for byte the same: URLs need no escapes, and to look for some
    in half a megabyte is most of the work.
    """
    if _is_plain_json(request) and _needs_no_escapes(signed):
        return HttpResponse(_json(signed), content_type=PLAIN_JSON)
    return Response(SignedPartsSerializer(signed).data)


def _is_plain_json(request: Request) -> bool:
    renderer = request.accepted_renderer
    return type(renderer) is JSONRenderer and renderer.compact and request.accepted_media_type == PLAIN_JSON


def _needs_no_escapes(signed: SignedParts) -> bool:
    """Look at the first part: the others differ in their numbers and in the digits of their signatures."""
    first = signed.parts[0] if signed.parts else None
    return first is not None and first.size is not None and json.dumps(first.url) == f'"{first.url}"'


def _json(signed: SignedParts) -> str:
    parts = [
        f'{{"part_number":{number},"url":"{url}","offset":{offset},"size":{size}}}'
        for number, url, offset, size in signed.parts
    ]
    return f'{{"parts":[{",".join(parts)}],"expires_at":"{time_shown(signed.expires_at)}"}}'
