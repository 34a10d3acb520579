"""Results of a part: `<part>.md`, `<part>.json` and `<part>.png` in the folder of results."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .machine import described
from .options import Options
from .tables import Table

FEWEST_ROUNDS = 5


@dataclass(frozen=True)
class Result:
    """The figures of one part, and how to plot them. `about` describes the measurement in a few sentences."""

    part: str
    title: str
    about: str
    tables: tuple[Table, ...]
    draw: Callable[[Path], None]
    repeated: bool = True

    def markdown(self, options: Options) -> str:
        """Return the page of the part."""
        machine = ", ".join(f"{name} {value}" if name != "machine" else value for name, value in described().items())
        paragraphs = [
            f"# {self.title}",
            f"`{self._command(options)}`, {_today()}. {machine}.",
            *([f"**Only {options.rounds} rounds: a smoke run, no figures.**"] if self._is_smoke(options) else []),
            self.about,
            *(table.markdown() for table in self.tables),
        ]
        return "\n\n".join(paragraphs) + "\n"

    def write(self, options: Options) -> None:
        """Write the three files, and print the first one."""
        options.results.mkdir(parents=True, exist_ok=True)
        page = self.markdown(options)
        print(f"\n{page}")
        (options.results / f"{self.part}.md").write_text(page)
        (options.results / f"{self.part}.json").write_text(self._json(options))
        self.draw(options.results / f"{self.part}.png")

    def _command(self, options: Options) -> str:
        return f"make bench ONLY={self.part} SIZE={options.size_mib} ROUNDS={options.rounds}"

    def _is_smoke(self, options: Options) -> bool:
        return self.repeated and options.rounds < FEWEST_ROUNDS

    def _json(self, options: Options) -> str:
        content = {
            "part": self.part,
            "date": _today(),
            "size_mib": options.size_mib,
            "rounds": options.rounds,
            "machine": described(),
            "tables": [{"title": table.title, "runs": table.runs} for table in self.tables],
        }
        return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _today() -> str:
    return datetime.now(UTC).date().isoformat()
