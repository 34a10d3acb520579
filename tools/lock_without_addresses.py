"""Take every download address out of a Pipfile.lock, so that it serves behind any package index: `make lock`."""

import json
import sys
from pathlib import Path

lock_file = Path(sys.argv[1])
lock = json.loads(lock_file.read_text())
lock["_meta"]["sources"] = []
for section in ("default", "develop"):
    for package in lock[section].values():
        package.pop("index", None)
lock_file.write_text(json.dumps(lock, indent=4, sort_keys=True) + "\n")
