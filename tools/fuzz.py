"""Try random inputs until the time is over, other ones each round: `make fuzz MINUTES=10`.

A round is the tests named below, with more inputs than `make test` gives them, and none twice. What it finds is
printed, with how to make it happen again; the rounds go on.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter

PROPERTIES = (
    "tests/unit/policy/test_names.py",
    "tests/unit/api/responses/test_byte_ranges.py",
    "tests/unit/test_conf.py",
)
SERVED = ("tests/integration/security/test_schema.py", "tests/integration/security/test_hostile_random.py")
INPUTS = 40
OF_PROPERTY = re.compile(r"^tests/unit/\S+:\n(?:.*\n)*?.*- (\d+) passing", re.MULTILINE)


def main(minutes: float) -> int:
    """Return how many rounds found something."""
    end, rounds, found, tried = time.monotonic() + 60 * minutes, 0, 0, Counter[str]()
    while time.monotonic() < end:
        rounds, is_clean = rounds + 1, _round(tried)
        found += not is_clean
        told = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tried.items()))
        print(f"{rounds} rounds, {tried.total():,} inputs ({told}), {found} rounds with findings", flush=True)
    return found


def _round(tried: Counter[str]) -> bool:
    """Run the tests once, count what they tried, and tell whether they found nothing."""
    with tempfile.NamedTemporaryFile("r") as counts:
        environment = {**os.environ, "FUZZ_INPUTS": str(INPUTS), "FUZZ_COUNTS": counts.name}
        command = [sys.executable, "-m", "pytest", "-q", "--hypothesis-show-statistics", *PROPERTIES, *SERVED]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        for kind, count in map(str.split, counts):
            tried[kind] += int(count)
    tried["properties"] += sum(map(int, OF_PROPERTY.findall(done.stdout)))
    if done.returncode:
        print(re.sub(r"(?s)=+ Hypothesis Statistics =+.*?(?==+ |$)", "", done.stdout), done.stderr, sep="\n")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(bool(main(float(sys.argv[1]))))
