import io

import pytest

from s3_file_uploader.management.progress import ProgressBars


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal():
    return Terminal()


def draw_now(bars):
    """Draw the bar now. tqdm draws at most ten times a second otherwise."""
    with bars.set_aside():
        pass


def test_bars_on_a_terminal_show_progress_and_disappear(terminal):
    with ProgressBars(terminal, shown=True) as bars:
        bars.prefix = "photos: "
        bars("objects", 100, 1000)
        bars("objects", 150, 1000)
        draw_now(bars)
        bars("records", 5, 10)
        draw_now(bars)
    shown = terminal.getvalue()
    assert "photos: objects:  25%" in shown
    assert "250/1000" in shown
    assert "photos: records:  50%" in shown
    assert shown.rpartition("\r")[0].rpartition("\r")[2].strip() == ""


def test_bars_without_a_total_count(terminal):
    with ProgressBars(terminal, shown=True) as bars:
        bars("multipart uploads", 7, 0)
        draw_now(bars)
    assert "multipart uploads: 7" in terminal.getvalue()


def test_set_aside_leaves_room_for_a_line(terminal):
    with ProgressBars(terminal, shown=True) as bars:
        bars("objects", 1, 2)
        before = len(terminal.getvalue())
        with bars.set_aside():
            terminal.write("a line\n")
    wiped, _, after = terminal.getvalue()[before:].partition("a line\n")
    assert wiped.endswith("\r")
    assert wiped.strip() == ""
    assert "objects:  50%" in after


@pytest.mark.parametrize(("stream", "shown"), [(io.StringIO, True), (Terminal, False)])
def test_bars_without_a_terminal_show_nothing(stream, shown):
    stream = stream()
    with ProgressBars(stream, shown=shown) as bars:
        bars("objects", 1, 2)
        draw_now(bars)
    assert stream.getvalue() == ""
