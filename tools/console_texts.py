"""Collect the texts of the console into its catalogues: `tools/console_texts.py`, after a change of a text.

For a new language, give its code: `tools/console_texts.py fr`. Translate the `.po` files, then run the tool once more:
it writes the `.mo` files that Django reads. The tool keeps translations, and removes texts that no longer exist.
"""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "s3_file_uploader" / "locale"
SCRIPTS, TEMPLATES = ROOT / "console" / "src", ROOT / "s3_file_uploader" / "templates" / "s3_file_uploader"
# The names of the functions, with the arguments that are texts.
KEYWORDS = {"_": None, "ngettext": (1, 2)}
IN_TEMPLATE = re.compile(r'{% translate "([^"]+)" %}|{% blocktranslate[^%]* %}(.+?){% endblocktranslate %}')
VARIABLE = re.compile(r"{{ (\w+) }}")
# A catalogue that says when it was made would differ each time.
HEADER = "# Texts of the pages. tools/console_texts.py writes this file: change the lines msgstr only."
NO_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def find_texts(domain: str) -> Catalog:
    """Return the texts of the scripts, or of the templates, without translations.

    Args:
        domain: `djangojs` for the scripts, `django` for the templates; Django reads one file for each.
    """
    catalog = Catalog(project="s3_file_uploader", charset="utf-8", creation_date=NO_DATE)
    for text in _read_scripts() if domain == "djangojs" else _read_templates():
        catalog.add(text)
    return catalog


def _read_scripts() -> Iterator[str | tuple[str, ...]]:
    for path in sorted(SCRIPTS.rglob("*.ts*")):
        with path.open("rb") as file:
            for _line, text, _comments, _context in extract("javascript", file, KEYWORDS, options={"jsx": True}):
                yield text


def _read_templates() -> Iterator[str]:
    for path in sorted(TEMPLATES.rglob("*.html")):
        for text, block in IN_TEMPLATE.findall(path.read_text()):
            yield text or VARIABLE.sub(r"%(\1)s", block)


def build_catalog(language: str, domain: str) -> Catalog:
    """Return the committed translations of the texts that are there now."""
    path = LOCALE / language / "LC_MESSAGES" / f"{domain}.po"
    earlier = Catalog(locale=language)
    if path.exists():
        with path.open("rb") as file:
            earlier = read_po(file, locale=language)
    catalog = find_texts(domain)
    catalog.locale, catalog.revision_date, catalog.fuzzy = language, NO_DATE, False
    catalog.header_comment = HEADER
    for message in catalog:
        translated = earlier.get(message.id) if message.id else None
        if translated:
            message.string = translated.string
    return catalog


def write_files(catalog: Catalog) -> tuple[bytes, bytes]:
    """Return the `.po` and the `.mo` file of a catalogue."""
    po, mo = BytesIO(), BytesIO()
    write_po(po, catalog, sort_output=True, width=110)
    write_mo(mo, catalog)
    return po.getvalue(), mo.getvalue()


def main(languages: list[str]) -> None:
    """Write the files of all languages, and of those that are named."""
    for language in sorted({*languages, *(path.name for path in LOCALE.iterdir())}):
        folder = LOCALE / language / "LC_MESSAGES"
        folder.mkdir(parents=True, exist_ok=True)
        for domain in ("django", "djangojs"):
            catalog = build_catalog(language, domain)
            for ending, content in zip(("po", "mo"), write_files(catalog), strict=True):
                (folder / f"{domain}.{ending}").write_bytes(content)
            missing = [message.id for message in catalog if message.id and not is_translated(message)]
            print(f"{language} {domain}: {len(catalog)} texts, {len(missing)} to translate")


def is_translated(message: Message) -> bool:
    """Return True if a text has a translation, in each of its plural forms."""
    forms = message.string if isinstance(message.string, tuple | list) else [message.string]
    return all(forms)


if __name__ == "__main__":
    main(sys.argv[1:])
