"""A page for people whose browser follows a share link that does not work: they read sentences, not JSON."""

from base64 import b64encode
from hashlib import sha256

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from rest_framework import status

STYLE = (
    "body{display:grid;place-content:center;min-height:90vh;margin:0;padding:24px;font:1rem/1.5 system-ui,sans-serif}"
    "main{max-width:26rem}h1{margin:0;font-size:1.375rem}p{margin:8px 0 0}"
)
PAGE = (
    '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
    '<meta name="color-scheme" content="light dark">'
    "<title>{title}</title><style>{style}</style></head>\n"
    "<body><main><h1>{title}</h1><p>{advice}</p></main></body>\n</html>\n"
)
GONE = ("This link does not work", "It may have expired, or the file has changed. Ask its sender for another link.")
BUSY = ("The file cannot be opened now", "Try again in a few minutes.")
# The page needs no template, static file or script, so it works in every project.
POLICY = f"default-src 'none'; style-src 'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"


def is_for_people(request: HttpRequest) -> bool:
    """Return True for a browser that opens an address. Scripts and `curl` ask for `*/*` or JSON."""
    return "text/html" in request.headers.get("Accept", "")


def build_refusal_page(refusal: HttpResponseBase) -> HttpResponse:
    """Return a page with the status and the headers of a refusal.

    Args:
        refusal: the response for programs.
    """
    title, advice = GONE if refusal.status_code == status.HTTP_404_NOT_FOUND else BUSY
    headers = {name: value for name, value in refusal.items() if name.lower() != "content-type"}
    page = format_html(PAGE, title=title, style=STYLE, advice=advice)
    headers |= {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
    return HttpResponse(page, status=refusal.status_code, headers=headers)
