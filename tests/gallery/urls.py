"""The URLs of the host project, and a page with a form."""

from django.urls import path

from modules.urls import urlpatterns as of_host

from .forms import ContactView, ReportView

urlpatterns = [
    *of_host,
    path("reports/<int:pk>/", ReportView.as_view()),
    path("contact/", ContactView.as_view()),
]
