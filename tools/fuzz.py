"""Try random inputs until the time is over, different ones in each round: `make fuzz MINUTES=10`.

A round runs the tests below with more inputs than `make test` does, and never with the same ones. It prints each
failure with the command to repeat it, and continues.
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
    "tests/unit/s3/test_presign.py",
    "tests/unit/s3/test_sigv4.py",
)
SERVED = ("tests/integration/security/test_schema.py", "tests/integration/security/test_hostile_random.py")
INPUTS = 40
INPUTS_OF_PROPERTY = re.compile(r"^tests/unit/\S+:\n(?:.*\n)*?.*- (\d+) passing", re.MULTILINE)


def main(minutes: float) -> int:
    """Return the number of rounds that failed."""
    end, rounds, failed, tried = time.monotonic() + 60 * minutes, 0, 0, Counter[str]()
    while time.monotonic() < end:
        rounds, is_clean = rounds + 1, _round(tried)
        failed += not is_clean
        counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(tried.items()))
        print(f"{rounds} rounds, {tried.total():,} inputs ({counts}), {failed} rounds failed", flush=True)
    return failed


def _round(tried: Counter[str]) -> bool:
    """Run the tests once, count their inputs, and return True if they passed."""
    with tempfile.NamedTemporaryFile("r") as counts:
        environment = {**os.environ, "FUZZ_INPUTS": str(INPUTS), "FUZZ_COUNTS": counts.name}
        command = [sys.executable, "-m", "pytest", "-q", "--hypothesis-show-statistics", *PROPERTIES, *SERVED]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        for kind, count in map(str.split, counts):
            tried[kind] += int(count)
    tried["properties"] += sum(map(int, INPUTS_OF_PROPERTY.findall(done.stdout)))
    if done.returncode:
        print(re.sub(r"(?s)=+ Hypothesis Statistics =+.*?(?==+ |$)", "", done.stdout), done.stderr, sep="\n")
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(bool(main(float(sys.argv[1]))))
