"""The catalogues have all texts of the console, translated, with the same placeholders."""

import re

import pytest

from tools.console_texts import LOCALE, build_catalog, find_texts, is_translated, write_files

LANGUAGES = sorted(path.name for path in LOCALE.iterdir())
PLACEHOLDER = re.compile(r"%\(\w+\)s")


def as_tuple(text):
    return text if isinstance(text, tuple) else (text,)


@pytest.mark.parametrize("domain", ["django", "djangojs"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_is_complete_and_as_committed(language, domain):
    catalog = build_catalog(language, domain)
    messages = [message for message in catalog if message.id]
    assert len(messages) > (2 if domain == "django" else 200)
    assert [message.id for message in messages if not is_translated(message)] == []
    for message in messages:
        used = {frozenset(PLACEHOLDER.findall(text)) for text in as_tuple(message.string)}
        allowed = [frozenset(PLACEHOLDER.findall(text)) for text in as_tuple(message.id)]
        assert all(names in allowed for names in used), message.id
    folder = LOCALE / language / "LC_MESSAGES"
    committed = [(folder / f"{domain}.{ending}").read_bytes() for ending in ("po", "mo")]
    assert committed == list(write_files(catalog)), "Run tools/console_texts.py."


def test_texts_of_the_scripts_are_found():
    found = find_texts("djangojs")
    assert "Search this folder and below" in found
    assert ("%(count)s entry", "%(count)s entries") in [message.id for message in found]
