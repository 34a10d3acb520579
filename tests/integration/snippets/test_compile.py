"""Every block of TypeScript in the documentation compiles, strictly, against the packages that it imports."""

import json
import subprocess

from tests.integration.snippets.conftest import PACKAGE, client_blocks, files_of
from tests.integration.snippets.conftest import APPS as ALL

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
    "include": [f"{app}/*.ts*" for app in ALL],
    "exclude": ["*/entry.tsx"],
}


def compile_apps(apps):
    (apps / "tsconfig.json").write_text(json.dumps(CONFIGURATION))
    compiler = PACKAGE / "node_modules" / "typescript" / "bin" / "tsc"
    return subprocess.run(
        ["node", compiler, "--project", apps], cwd=apps, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_block_is_in_an_app():
    written = {code for app in ALL for code in files_of(app).values()}
    assert [str(block) for block in client_blocks() if block.code not in written] == []


def test_blocks_compile(apps):
    assert compile_apps(apps).stdout == ""


def test_block_with_a_wrong_option_does_not_compile(apps):
    wrong = apps / "readme" / "wrong.ts"
    wrong.write_text('import { createClient } from "s3-file-uploader-client";\ncreateClient({ baseURL: "/" });\n')
    try:
        assert "readme/wrong.ts(2,16): error TS2561" in compile_apps(apps).stdout
    finally:
        wrong.unlink()
