"""The routes of the host: the app, its console, a token for a password, the API description, the admin."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from .tokens import TokenView

anyone = [AllowAny]

urlpatterns = [
    path("", include("s3_file_uploader.console")),
    path("modules/s3-file-uploader/", include("s3_file_uploader.urls")),
    path("auth/token/", TokenView.as_view(), name="token"),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=anyone), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerView.as_view(permission_classes=anyone, template_name="modules/api_page.html"),
        name="docs",
    ),
    path("admin/", admin.site.urls),
]
