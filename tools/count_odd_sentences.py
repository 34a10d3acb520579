"""Print each comment or docstring with an odd sentence, each odd name, and the share of the odd ones by room."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("s3_file_uploader", "modules", "tests", "benchmarks", "tools")
ODD = re.compile(r"(?:^|[.:;!?] +|\n\n)(What|Who|Whoever|Of|That|Those)\b|\b(?i:nobody|somebody|whoever)\b")
ODD_NAME = re.compile(r"(?i:(^|_)(nobody|somebody|whoever)(_|$)|^(told|wanted|found|kept|asked)$)|^test_.{56}")
WORD = re.compile(r"[^\W\d]\w*")
STRING_OR_COMMENT = re.compile(
    r'''"""(?:[^\\]|\\.)*?"""|\'{3}(?:[^\\]|\\.)*?\'{3}|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|#[^\n]*''', re.DOTALL
)
BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")
TOOL_COMMENT = re.compile(r"#!|# (noqa|type:|pragma)")


def list_texts(source: str) -> list[tuple[int, str]]:
    """Return (line, text) of each docstring and comment. Adjacent lines of comments are one comment."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in iterate_statements(ast.parse(source)) if isinstance(node, documented)]
    texts = [(node.body[0].lineno, docstring) for node in nodes if (docstring := ast.get_docstring(node))]
    last_line = -1
    for line, comment, is_alone in iterate_comments(source):
        if not TOOL_COMMENT.match(comment):
            begin, text = line, comment.lstrip("# ")
            if line == last_line + 1 and is_alone:
                begin, text = texts[-1][0], f"{texts.pop()[1]} {text}"
            texts.append((begin, text))
            last_line = line
    return texts


def iterate_statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and all statements in it. Expressions are most nodes of a module, and hold no docstring."""
    yield node
    for block in BLOCKS:
        for statement in getattr(node, block, ()):
            yield from iterate_statements(statement)


def iterate_comments(source: str) -> Iterator[tuple[int, str, bool]]:
    """Yield (line, comment, True if nothing else is on its line), far faster than `tokenize` does."""
    line = 1
    position = 0
    for match in STRING_OR_COMMENT.finditer(source):
        if match[0].startswith("#"):
            line += source.count("\n", position, match.start())
            position = match.start()
            yield line, match[0], not source[source.rfind("\n", 0, position) + 1 : position].strip()


def list_odd_names(source: str) -> list[tuple[int, str]]:
    """Return (line, name) of each test name over 60 characters and each defined name that is no noun of the domain."""
    if not any(map(ODD_NAME.search, set(WORD.findall(source)))):
        return []
    nodes = [node for node in ast.walk(ast.parse(source)) if not isinstance(node, ast.Constant)]
    defined = [node for node in nodes if not isinstance(getattr(node, "ctx", None), ast.Load)]
    names = {
        (getattr(node, "lineno", 0), name) for node in defined for name in vars(node).values() if isinstance(name, str)
    }
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
