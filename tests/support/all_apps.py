"""The settings of the host project with the apps of the tests, for a process on the database of a test.

Without them, housekeeping finds tables that refer to files and belong to no installed app.
"""

from modules.settings import *  # noqa: F403
from modules.settings import INSTALLED_APPS

INSTALLED_APPS += ["tests.people", "tests.gallery"]
