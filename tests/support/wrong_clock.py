"""Put the clock of a process ahead, for the code of the app: its database fields, leases and signed URLs.

libfaketime cannot do it: Python waits until absolute times of a clock that it fakes for some functions only.
"""

import datetime
import time

from django.utils import timezone


def put_clock_ahead(seconds: float) -> None:
    """Put the clock ahead, or back if `seconds` is negative. The settings do it, before the app is imported."""
    real_time, real_now = time.time, timezone.now
    time.time = lambda: real_time() + seconds
    timezone.now = lambda: real_now() + datetime.timedelta(seconds=seconds)
