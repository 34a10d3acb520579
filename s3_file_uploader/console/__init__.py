"""The console, a page for people. The host mounts it: `path("files/", include("s3_file_uploader.console"))`."""

from django.urls import path

from .views import CatalogueView, ConsoleView, SessionView, SignInView, SignOutView

app_name = "s3_file_uploader_console"
urlpatterns = [
    path("", ConsoleView.as_view(), name="console"),
    path("sign-in/", SignInView.as_view(), name="sign-in"),
    path("sign-out/", SignOutView.as_view(), name="sign-out"),
    path("session/", SessionView.as_view(), name="session"),
    path("catalogue.js", CatalogueView.as_view(), name="catalogue"),
]
