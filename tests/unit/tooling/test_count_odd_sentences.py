"""The share of odd sentences, and the tool that counts them."""

from tools import count_odd_sentences as tool

CEILING = 0.03


def test_share_of_odd_sentences_stays_below_the_ceiling():
    texts, odd, offenders = tool.count_odd_sentences()
    assert texts.total() > 2000
    assert odd.total() / texts.total() < CEILING, "\n".join(offenders)


def test_list_texts_with_adjacent_comments_joins_them():
    source = '"""Return one."""\n# Of two\n# lines.\nx = 1  # Whoever asks.\ny = 2  # noqa: E501\n'
    assert tool.list_texts(source) == [(1, "Return one."), (2, "Of two lines."), (4, "Whoever asks.")]


def test_odd_matches_beginnings_of_sentences_and_actors():
    assert [bool(tool.ODD.search(text)) for text in ("Who asks.", "Wait. That ends.", "Give nobody access.")] == [
        True
    ] * 3
    assert not tool.ODD.search("Return what the client sent, and that of the server.")


def test_list_odd_names_with_long_tests_and_verbs_lists_them():
    source = f"def test_{'x' * 56}(asked): ...\ndef test_short(): found = kept\n"
    assert tool.list_odd_names(source) == [(1, "asked"), (1, f"test_{'x' * 56}"), (2, "found")]
