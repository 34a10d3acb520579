"""Print each comment or docstring with an odd sentence, each odd name, and the share of the odd ones by room."""

import ast
import io
import re
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("s3_file_uploader", "modules", "tests", "benchmarks", "tools")
ODD = re.compile(r"(?:^|[.:;!?] +|\n\n)(What|Who|Whoever|Of|That|Those)\b|\b(?i:nobody|somebody|whoever)\b")
ODD_NAME = re.compile(r"(?i:(^|_)(nobody|somebody|whoever)(_|$)|^(told|wanted|found|kept|asked)$)|^test_.{56}")
TOOL_COMMENT = re.compile(r"#!|# (noqa|type:|pragma)")


def list_texts(source: str) -> list[tuple[int, str]]:
    """Return (line, text) of each docstring and comment. Adjacent lines of comments are one comment."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, documented)]
    texts = [(node.body[0].lineno, docstring) for node in nodes if (docstring := ast.get_docstring(node))]
    last_line = -1
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not TOOL_COMMENT.match(token.string):
            line, text = token.start[0], token.string.lstrip("# ")
            if line == last_line + 1 and token.line.lstrip().startswith("#"):
                line, text = texts[-1][0], f"{texts.pop()[1]} {text}"
            texts.append((line, text))
            last_line = token.start[0]
    return texts


def list_odd_names(source: str) -> list[tuple[int, str]]:
    """Return (line, name) of each test name over 60 characters and each defined name that is no noun of the domain."""
    nodes = [node for node in ast.walk(ast.parse(source)) if not isinstance(node, ast.Constant)]
    defined = [node for node in nodes if not isinstance(getattr(node, "ctx", None), ast.Load)]
    names = {(getattr(node, "lineno", 0), name) for node in defined for name in map(str, vars(node).values())}
    return sorted((line, name) for line, name in names if ODD_NAME.search(name))


def count_odd_sentences(*prefixes: str) -> tuple[Counter[str], Counter[str], list[str]]:
    """Return the number of texts and of odd texts by room, and a line for each odd text and name."""
    texts, odd, offenders = Counter[str](), Counter[str](), []
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        if "node_modules" not in path.parts and name.startswith(prefixes or ""):
            source, room = path.read_text(encoding="utf-8"), "/".join(name.split("/")[:-1][:3])
            all_texts = list_texts(source)
            odd_texts = [(line, text.splitlines()[0]) for line, text in all_texts if ODD.search(text)]
            texts[room] += len(all_texts)
            odd[room] += len(odd_texts)
            offenders += [f"{name}:{line}: {text}" for line, text in odd_texts + list_odd_names(source)]
    return texts, odd, offenders


if __name__ == "__main__":
    texts, odd, offenders = count_odd_sentences(*sys.argv[1:])
    shares = [f"{odd[room] / (texts[room] or 1):6.1%} {odd[room]:4} of {texts[room]:4}  {room}" for room in texts]
    share = odd.total() / (texts.total() or 1)
    print(*offenders, *shares, f"{share:6.1%} of {texts.total()} texts of Python", sep="\n")
