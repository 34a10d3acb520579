"""The console, a page for people. The host mounts it: `path("files/", include("s3_file_uploader.console"))`."""

from django.urls import path

from .staff import HousekeepingView, UsersView
from .views import CatalogueView, ConsoleView, SessionView, SignInView, SignOutView

app_name = "s3_file_uploader_console"
urlpatterns = [
    path("", ConsoleView.as_view(), name="console"),
    path("sign-in/", SignInView.as_view(), name="sign-in"),
    path("sign-out/", SignOutView.as_view(), name="sign-out"),
    path("session/", SessionView.as_view(), name="session"),
    path("staff/users/", UsersView.as_view(), name="users"),
    path("staff/housekeeping/", HousekeepingView.as_view(), name="housekeeping"),
    path("catalogue.js", CatalogueView.as_view(), name="catalogue"),
]
