"""The page, its sign-in, and the texts of its scripts."""

from typing import Any, cast
from urllib.parse import urlsplit

from django.apps import apps
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import NoReverseMatch, reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import get_language_bidi
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import conditional_page
from django.views.generic import TemplateView
from django.views.i18n import JavaScriptCatalog

from .. import services
from ..conf import conf
from ..exceptions import S3FileUploaderError
from ..policy.users import is_staff
from .security import SecuredView, build_policy, find_origins

SERVICE_ENDPOINT = "s3_service-upload-list"
CONSOLE = "s3_file_uploader_console:console"
SIGN_IN = "s3_file_uploader_console:sign-in"
# Reverse names by the names that the script uses.
URLS = {
    "console": CONSOLE,
    "session": "s3_file_uploader_console:session",
    "signIn": SIGN_IN,
    "signOut": "s3_file_uploader_console:sign-out",
    "users": "s3_file_uploader_console:users",
    "housekeeping": "s3_file_uploader_console:housekeeping",
}
NOT_MOUNTED = "The console needs the service: add path(..., include('s3_file_uploader.urls')) to your URLs."


class ConsoleView(SecuredView, LoginRequiredMixin, TemplateView):
    """Serve the page to users who are signed in."""

    template_name = "s3_file_uploader/console/page.html"
    login_url = reverse_lazy(SIGN_IN)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the page with the policy for its buckets."""
        origins = find_origins(self._list_buckets())
        reachable = None if origins and conf.addressing_style == "path" else list(origins)
        response = self.render_to_response(_direction() | {"page": self._build_data(reachable)})
        response.headers["Content-Security-Policy"] = build_policy(origins.values())
        return response

    def _list_buckets(self) -> list[str]:
        """Return the buckets of the user, the open one first; none while S3 is down, which the page shows itself."""
        open_bucket = self.request.GET.get("bucket", "")
        try:
            listing = services.bucket_list(user=cast(Any, self.request.user))
        except S3FileUploaderError:
            return []
        names = [bucket.name for bucket in listing.buckets]
        return sorted(names, key=lambda name: name != open_bucket)

    def _build_data(self, reachable: list[str] | None) -> dict[str, Any]:
        return {
            "service": _service_url(),
            "urls": {name: reverse(view) for name, view in URLS.items()},
            "user": _describe(self.request.user),
            "csrf": {"token": get_token(self.request), "cookie": conf.csrf_cookie_name},
            "reachable": reachable,
            "shareMaxSeconds": conf.share_max_seconds,
        }


class SignInView(SecuredView, LoginView):
    """Sign in by a form that works without JavaScript and with password managers."""

    template_name = "s3_file_uploader/console/sign_in.html"
    redirect_authenticated_user = True

    def get_default_redirect_url(self) -> str:
        """Return the address of the page, for requests that name no other."""
        return reverse(CONSOLE)

    def get_success_url(self) -> str:
        """Return the address that the request names; never that of this form, for which Django answers 500."""
        address = super().get_success_url()
        return self.get_default_redirect_url() if urlsplit(address).path == self.request.path else address

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the direction of the language."""
        return super().get_context_data(**kwargs) | _direction()


class SignOutView(SecuredView, LogoutView):
    """Sign out, then show the form."""

    def get_default_redirect_url(self) -> str:
        """Return the address of the form."""
        return reverse(SIGN_IN)


@method_decorator(csrf_protect, name="dispatch")
@method_decorator(sensitive_post_parameters("password"), name="dispatch")
class SessionView(SecuredView):
    """Tell the page about the session, and sign in again after it has expired, so that uploads go on."""

    def get(self, request: HttpRequest) -> JsonResponse:
        """Return the user, or null, and the CSRF token that counts now."""
        user = _describe(request.user) if request.user.is_authenticated else None
        return JsonResponse({"user": user, "csrf": get_token(request)})

    def post(self, request: HttpRequest) -> JsonResponse:
        """Sign in with a name and a password; 400 says why that failed."""
        form = AuthenticationForm(request, request.POST)
        if not form.is_valid():
            detail = " ".join(str(message) for messages in form.errors.values() for message in messages)
            return JsonResponse({"detail": detail}, status=400)
        login(request, form.get_user())
        return self.get(request)


class CatalogueView(JavaScriptCatalog):
    """Serve the texts of the scripts in the language of the request, with an ETag."""

    packages = ["s3_file_uploader"]  # noqa: RUF012 - Django declares a list

    @method_decorator(conditional_page)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Return the catalogue; browsers keep it, and ask whether it has changed."""
        response = super().dispatch(request, *args, **kwargs)
        response.headers["Cache-Control"] = "private, no-cache"
        return response

    def get_paths(self, packages: Any) -> Any:
        """Return the folder of this app, which may be imported under another name."""
        return super().get_paths([apps.get_app_config("s3_file_uploader").name])


def _service_url() -> str:
    try:
        return reverse(SERVICE_ENDPOINT).removesuffix("uploads/")
    except NoReverseMatch as error:
        raise ImproperlyConfigured(NOT_MOUNTED) from error


def _describe(user: Any) -> dict[str, Any]:
    return {"id": str(user.pk), "name": user.get_username(), "isStaff": is_staff(user)}


def _direction() -> dict[str, str]:
    return {"direction": "rtl" if get_language_bidi() else "ltr"}
