import io

import pytest

from s3_file_uploader.management.progress import Bars


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal():
    return Terminal()


def drawn(bars):
    """Have the bar drawn now: of itself it is not more often than people can see."""
    with bars.set_aside():
        pass


def test_a_terminal_sees_how_far_it_is_and_is_clean_afterwards(terminal):
    with Bars(terminal, shown=True) as bars:
        bars.about = "photos: "
        bars("objects", 100, 1000)
        bars("objects", 150, 1000)
        drawn(bars)
        bars("records", 5, 10)
        drawn(bars)
    shown = terminal.getvalue()
    assert "photos: objects:  25%" in shown
    assert "250/1000" in shown
    assert "photos: records:  50%" in shown
    assert shown.rpartition("\r")[0].rpartition("\r")[2].strip() == ""


def test_where_nobody_knows_how_many_there_are_it_counts(terminal):
    with Bars(terminal, shown=True) as bars:
        bars("multipart uploads", 7, 0)
        drawn(bars)
    assert "multipart uploads: 7" in terminal.getvalue()


def test_a_line_on_the_same_terminal_stands_by_itself(terminal):
    with Bars(terminal, shown=True) as bars:
        bars("objects", 1, 2)
        before = len(terminal.getvalue())
        with bars.set_aside():
            terminal.write("a line\n")
    wiped, _, after = terminal.getvalue()[before:].partition("a line\n")
    assert wiped.endswith("\r")
    assert wiped.strip() == ""
    assert "objects:  50%" in after


@pytest.mark.parametrize(("stream", "shown"), [(io.StringIO, True), (Terminal, False)])
def test_nobody_else_sees_any(stream, shown):
    stream = stream()
    with Bars(stream, shown=shown) as bars:
        bars("objects", 1, 2)
        drawn(bars)
    assert stream.getvalue() == ""
