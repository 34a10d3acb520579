"""Remove every download URL from a Pipfile.lock, so that it works with any package index: `make lock`.

Also compute the hash of the Pipfile without the index that pip is configured with here, which pipenv includes.
"""

import json
import sys
from pathlib import Path

from pipenv.vendor.plette import Pipfile

pipfile, lock_file = Path(sys.argv[1]), Path(sys.argv[2])
lock = json.loads(lock_file.read_text())
with pipfile.open() as file:
    lock["_meta"]["hash"] = {"sha256": Pipfile.load(file).get_hash().value}
lock["_meta"]["sources"] = []
for section in lock.keys() - {"_meta"}:
    for package in lock[section].values():
        package.pop("index", None)
lock_file.write_text(json.dumps(lock, indent=4, sort_keys=True) + "\n")
