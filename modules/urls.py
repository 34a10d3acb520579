"""The host's addresses: the app, a token for a password, the API description, the admin."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.permissions import AllowAny

from .tokens import TokenView

everybody = [AllowAny]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="docs")),
    path("modules/s3-file-uploader/", include("s3_file_uploader.urls")),
    path("auth/token/", TokenView.as_view(), name="token"),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=everybody), name="schema"),
    path(
        "api/docs/",
        SpectacularSwaggerView.as_view(permission_classes=everybody, template_name="modules/api_page.html"),
        name="docs",
    ),
    path("admin/", admin.site.urls),
]
