"""Pages with forms: of a model, and without one."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.views.generic import FormView, UpdateView

from s3_file_uploader.attachments import UploadFormField

from .models import Report

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Form</title>{{ form.media }}</head><body>
<main><h1>Form</h1><form method="post" enctype="multipart/form-data">{% csrf_token %}{{ form.as_p }}
<button>Save</button></form></main></body></html>"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' http://127.0.0.1:*; form-action 'self'"
)


class Page:
    """Render the form under a strict Content-Security-Policy."""

    request: HttpRequest

    def render_to_response(self, context: dict[str, Any], **options: Any) -> HttpResponse:
        page = engines["django"].from_string(PAGE).render(context, self.request)
        return HttpResponse(page, headers={"Content-Security-Policy": POLICY})


class ReportView(Page, UpdateView):  # type: ignore[type-arg]
    model = Report
    fields = ("title", "attachments")
    success_url = "."


class ContactForm(forms.Form):
    message = forms.CharField()
    file = UploadFormField(path="contact.file", content_types=["text/*"], max_bytes=100, required=False)


class ContactView(Page, FormView):  # type: ignore[type-arg]
    form_class = ContactForm

    def form_valid(self, form: Any) -> HttpResponse:
        return HttpResponse(str(form.cleaned_data["file"]))
