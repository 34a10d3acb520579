"""Pages of the documentation and their code blocks."""

import re
from dataclasses import dataclass

from tests.support.host import ROOT

PAGES = [
    "README.md",
    "clients/typescript/README.md",
    *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts),
]
# A comment in the line above each block names the test that runs it, or the reason why none does.
FENCE = re.compile(r"(?:^<!-- (runs|not run): ([^\n]+) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A code block: its page, its language, and the comment above it."""

    page: str
    language: str
    code: str
    is_run: bool | None
    note: str

    def __str__(self) -> str:
        """Return the name of the block in the output of pytest."""
        return f"{self.page}: {self.code.partition(chr(10))[0]}"


def blocks_in(page: str) -> list[Block]:
    """Return the blocks of a page, given its path in the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, language, code, {"runs": True, "not run": False}.get(kind), note)
        for kind, note, language, code in FENCE.findall(text)
    ]


BLOCKS = [block for page in PAGES for block in blocks_in(page)]


def blocks_of(page: str, language: str, test: str = "") -> list[str]:
    """Return the code of the blocks of a page in one language, optionally only those of one test."""
    return [block.code for block in blocks_in(page) if block.language == language and block.note.endswith(test)]
