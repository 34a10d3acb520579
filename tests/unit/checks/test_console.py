import pytest

from s3_file_uploader.checks.console import check_console

SESSION = "rest_framework.authentication.SessionAuthentication"
TOKEN = "rest_framework.authentication.TokenAuthentication"


@pytest.mark.parametrize(
    ("classes", "is_mounted", "expected"),
    [([TOKEN, SESSION], True, []), ([TOKEN], True, ["s3_file_uploader.W021"]), ([TOKEN], False, [])],
)
def test_console_without_session_authentication_is_warned_of(settings, classes, is_mounted, expected):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": classes}
    if not is_mounted:
        settings.ROOT_URLCONF = "s3_file_uploader.urls"
    assert [message.id for message in check_console()] == expected


def test_project_without_urls_has_no_console(settings):
    del settings.ROOT_URLCONF
    assert check_console() == []
