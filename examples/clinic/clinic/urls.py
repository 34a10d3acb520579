"""Every address of the clinic."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from letters.views import LetterCreate
from people.views import ProfileUpdate
from reports.views import Home, ReportCreate, ReportDelete, ReportUpdate, ReportViewSet

api = DefaultRouter()
api.register("reports", ReportViewSet)

SIGN_IN = {"title": "Sign in", "button": "Sign in"}

urlpatterns = [
    path("", Home.as_view(), name="home"),
    path("profile/", ProfileUpdate.as_view(), name="profile"),
    path("reports/new/", ReportCreate.as_view(), name="report-create"),
    path("reports/<int:pk>/", ReportUpdate.as_view(), name="report-update"),
    path("reports/<int:pk>/delete/", ReportDelete.as_view(), name="report-delete"),
    path("letters/new/", LetterCreate.as_view(), name="letter-create"),
    path("api/", include(api.urls)),
    path("sign-in/", LoginView.as_view(template_name="form.html", extra_context=SIGN_IN), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("admin/", admin.site.urls),
    path("files/", include("s3_file_uploader.console")),
    path("modules/s3-file-uploader/", include("s3_file_uploader.urls")),
]
