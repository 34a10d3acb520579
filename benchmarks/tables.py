"""Markdown tables with medians over the rounds and with ratios within each round."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from .contenders import OURS, Figures, Runs

NOTHING = "-"


@dataclass(frozen=True)
class Column:
    """A column. `of` returns the values of a contender, one for each round, or none."""

    title: str
    of: Callable[[Runs, str], list[float]]
    decimals: int = 1
    with_range: bool = False
    plotted: bool = False

    def cell(self, runs: Runs, name: str) -> str:
        """Return the median, optionally with the range."""
        values = self.of(runs, name)
        if not values:
            return NOTHING
        low, high = min(values), max(values)
        shown = f"{median(values):,.{self.decimals}f}"
        return f"{shown} ({low:,.{self.decimals}f} to {high:,.{self.decimals}f})" if self.with_range else shown


@dataclass(frozen=True)
class Table:
    """Contenders by row, figures by column."""

    title: str
    columns: tuple[Column, ...]
    runs: Runs

    def markdown(self) -> str:
        """Return the table as Markdown with its title."""
        lines = [[name, *(column.cell(self.runs, name) for column in self.columns)] for name in self.runs]
        head = ["", *(column.title for column in self.columns)]
        rule = ["---", *("---:" for _ in self.columns)]
        return "\n".join([f"### {self.title}", "", *(f"| {' | '.join(line)} |" for line in (head, rule, *lines))])


def figure(name: str) -> Callable[[Runs, str], list[float]]:
    """Return the values of a column: one figure as measured."""
    return lambda runs, contender: [figures[name] for figures in runs[contender] if name in figures]


def times(base: str, name: str) -> Callable[[Runs, str], list[float]]:
    """Return the values of a column: a figure divided by the figure of the contender `base` in the same round."""

    def ratios(runs: Runs, contender: str) -> list[float]:
        pairs = zip(runs[contender], runs.get(base, []), strict=False)
        return [_ratio(mine, theirs, name) for mine, theirs in pairs]

    return ratios


def times_best_rival(name: str) -> Callable[[Runs, str], list[float]]:
    """Return the values of a column: a figure divided by the lowest one of all rivals in the same round."""

    def ratios(runs: Runs, contender: str) -> list[float]:
        rivals = [of_rival for rival, of_rival in runs.items() if not rival.startswith(OURS)]
        rounds = zip(runs[contender], *rivals, strict=True)
        return [mine[name] / min(theirs[name] for theirs in others) for mine, *others in rounds if others]

    return ratios


def growth(name: str, since: str) -> Callable[[Runs, str], list[float]]:
    """Return the values of a column: a figure divided by another figure of the same contender and round."""
    return lambda runs, contender: [
        figures[name] / figures[since] for figures in runs[contender] if name in figures and since in figures
    ]


def _ratio(mine: Figures, theirs: Figures, name: str) -> float:
    return mine[name] / theirs[name]
