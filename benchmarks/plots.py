"""One plot for each part: bars for contenders, lines for growth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import matplotlib

from .contenders import FLOOR, OURS
from .tables import NOTHING, Column, Table

matplotlib.use("Agg")
from matplotlib import pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {FLOOR: "#8a8f98", OURS: "#1f6fb4", "": "#d98324"}
INK = "#333333"
RULES = "#e6e6e6"
MARKERS = "osD^v<>P"
LEGEND_COLUMNS = 4
PANEL_WIDTH_INCHES = 3.6
NAMES_WIDTH_INCHES = 2.6
BAR_HEIGHT_INCHES = 0.34
PANEL_MARGIN_INCHES = 1.1
LINES_SIZE_INCHES = (6.4, 4.4)
# Room for the figure at the end of the longest bar.
BEYOND_THE_LONGEST = 1.28
BEYOND_THE_HIGHEST = 1.1
DOTS_PER_INCH = 130

pyplot.rcParams.update(
    {
        "font.size": 9,
        "axes.titlesize": 9.5,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#bbbbbb",
        "xtick.color": INK,
        "ytick.color": INK,
        "text.color": INK,
        "axes.labelcolor": INK,
    }
)


@dataclass(frozen=True)
class Lines:
    """Axes with lines, each with x and y values of the same number."""

    title: str
    x_label: str
    y_label: str
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]]
    x_in_powers: bool = False


def bars(path: Path, title: str, tables: Sequence[Table]) -> None:
    """Draw a row of panels for each table, one for each plotted column. Bars are medians, whiskers are ranges."""
    columns = [[column for column in table.columns if column.plotted] for table in tables]
    widest = max(len(row) for row in columns)
    heights = [len(table.runs) * BAR_HEIGHT_INCHES + PANEL_MARGIN_INCHES for table in tables]
    size = (NAMES_WIDTH_INCHES + widest * PANEL_WIDTH_INCHES, sum(heights))
    drawing, grid = pyplot.subplots(
        len(tables), widest, figsize=size, squeeze=False, height_ratios=heights, layout="constrained"
    )
    for table, row, panels in zip(tables, columns, grid, strict=True):
        for number, panel in enumerate(panels):
            if number < len(row):
                _bars(panel, table, row[number], with_names=number == 0)
            else:
                panel.set_axis_off()
    _finish(drawing, path, title)


def lines(path: Path, title: str, panels: Sequence[Lines]) -> None:
    """Draw panels with the same lines side by side, on one y axis that begins at zero."""
    width, height = LINES_SIZE_INCHES
    drawing, grid = pyplot.subplots(
        1, len(panels), figsize=(width * len(panels), height), squeeze=False, sharey=True, layout="constrained"
    )
    for axes, panel in zip(grid[0], panels, strict=True):
        for (name, (x, y)), marker in zip(panel.series.items(), cycle(MARKERS), strict=False):
            axes.plot(x, y, marker=marker, markersize=4, linewidth=1.4, label=name)
        axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
        axes.set_xscale("log" if panel.x_in_powers else "linear")
        axes.grid(color=RULES)
    highest = max(value for panel in panels for _, y in panel.series.values() for value in y)
    grid[0][0].set_ylim(0, highest * BEYOND_THE_HIGHEST)
    handles, labels = grid[0][0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=LEGEND_COLUMNS, frameon=False, fontsize=8)
    _finish(drawing, path, title)


def _bars(panel: "Axes", table: Table, column: Column, *, with_names: bool) -> None:
    names = list(table.runs)
    values = [column.of(table.runs, name) for name in names]
    middles = [median(runs) if runs else 0 for runs in values]
    whiskers = [
        [middle - min(runs, default=0) if runs else 0 for middle, runs in zip(middles, values, strict=True)],
        [max(runs, default=0) - middle if runs else 0 for middle, runs in zip(middles, values, strict=True)],
    ]
    drawn: Any = panel.barh(names, middles, color=[_colour(name) for name in names], height=0.66)
    panel.errorbar(middles, names, xerr=whiskers, fmt="none", ecolor=INK, elinewidth=0.9, capsize=2)
    shown = [
        f"{middle:,.{column.decimals}f}" if runs else NOTHING for middle, runs in zip(middles, values, strict=True)
    ]
    for bar, text, middle, above in zip(drawn, shown, middles, whiskers[1], strict=True):
        panel.annotate(
            text,
            (middle + above, bar.get_y() + bar.get_height() / 2),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    panel.invert_yaxis()
    longest = max(middle + above for middle, above in zip(middles, whiskers[1], strict=True))
    panel.set_xlim(0, (longest or 1) * BEYOND_THE_LONGEST)
    panel.set(title=table.title if with_names else "", xlabel=column.title)
    panel.grid(axis="x", color=RULES)
    panel.set_axisbelow(True)
    if not with_names:
        panel.set_yticklabels([])


def _colour(name: str) -> str:
    return next(colour for beginning, colour in COLOURS.items() if name.startswith(beginning))


def _finish(drawing: "Figure", path: Path, title: str) -> None:
    drawing.suptitle(title, x=0.01, ha="left", fontsize=11, fontweight="bold")
    drawing.savefig(path, dpi=DOTS_PER_INCH, metadata={"Software": ""})
    pyplot.close(drawing)
