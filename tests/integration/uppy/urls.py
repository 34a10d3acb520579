"""The host's URLs, and the pages with Uppy."""

import os
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import path

from modules.urls import urlpatterns as addresses_of_host

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Uppy</title>
<link rel="icon" href="data:,">
<input type="file">
<script src="/pages/{major}.js"></script>
"""


def page(request: HttpRequest, major: str) -> HttpResponse:
    return HttpResponse(PAGE.format(major=major))


def script(request: HttpRequest, major: str) -> HttpResponseBase:
    return FileResponse(Path(os.environ["UPPY_SCRIPTS"], f"{major}.js").open("rb"), content_type="text/javascript")


urlpatterns = [*addresses_of_host, path("pages/<str:major>/", page), path("pages/<str:major>.js", script)]
