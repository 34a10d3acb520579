"""Blocks of TypeScript compile, strictly, against the packages that they import. The reference follows the sources."""

import json
import subprocess
import sys

import pytest

from tests.integration.snippets.conftest import APPS, PACKAGE, client_blocks, files_of
from tests.support.host import ROOT, environment

CONFIGURATION = {
    "compilerOptions": {
        "strict": True,
        "noUncheckedIndexedAccess": True,
        "exactOptionalPropertyTypes": True,
        "noEmit": True,
        "target": "es2022",
        "lib": ["es2022", "dom", "dom.iterable"],
        "module": "esnext",
        "moduleResolution": "bundler",
        "jsx": "react-jsx",
        "types": ["node"],
        "skipLibCheck": True,
    },
    "include": [f"{app}/*.ts*" for app in APPS],
    "exclude": ["*/entry.tsx"],
}


WRONG = 'import { createClient } from "s3-file-uploader-client";\ncreateClient({ baseURL: "/" });\n'
OF_WRONG = "readme/wrong.ts(2,16): error TS2561"


@pytest.fixture(scope="module")
def complaints(apps):
    """Compile all apps and a file with a wrong option. Return the lines of the compiler."""
    (apps / "tsconfig.json").write_text(json.dumps(CONFIGURATION))
    (apps / "readme" / "wrong.ts").write_text(WRONG)
    compiler = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
    command = ["node", compiler, "--project", apps]
    done = subprocess.run(command, cwd=apps, capture_output=True, text=True, timeout=120, check=False)
    (apps / "readme" / "wrong.ts").unlink()
    return done.stdout.splitlines()


def test_every_block_is_in_an_app():
    written = {code for app in APPS for code in files_of(app).values()}
    assert [str(block) for block in client_blocks() if block.code not in written] == []


def test_blocks_compile(complaints):
    assert [line for line in complaints if not line.startswith((OF_WRONG, " "))] == []


def test_block_with_a_wrong_option_does_not_compile(complaints):
    assert [line for line in complaints if line.startswith(OF_WRONG)]


@pytest.mark.parametrize(
    ("script", "committed"), [("docs", "docs/reference/client.md"), ("types", "clients/typescript/src/schema.ts")]
)
def test_generated_file_follows_its_source(tmp_path, script, committed):
    """After a change of the source, run `npm run docs` or `npm run types` in clients/typescript."""
    generated = tmp_path / "generated"
    variables = environment(tmp_path, PYTHON=sys.executable)
    command = ["node", PACKAGE / "scripts" / f"{script}.js", generated]
    subprocess.run(command, env=variables, check=True, timeout=120)
    assert generated.read_text() == (ROOT / committed).read_text()
