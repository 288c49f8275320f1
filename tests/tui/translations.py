"""Update the French: find every text in the code, list missing translations, write what the screen reads.

    python -m tests.tui.translations

Texts are the arguments of `say("...")`, `say_count("...", "...", n)`, in tables of `msgid("...")`, in the engine of
`Phrase("...")`, and the descriptions in `bridge/settings/model.py`. Texts that are gone from the code are removed from
the file; new ones are added empty until a person translates them. Spaces that French sets before `:`, `;`, `?` and `!`
become no-break spaces.
"""

from __future__ import annotations

import io
import re
import string
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from bridge.settings.types import every_allowed
from tui.settings.catalogue import catalogue as entries
from tui.settings.entry import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babel.messages.catalog import Message

ROOT: Final = Path(__file__).parents[2]
PO: Final = ROOT / "tui" / "language" / "fr.po"
MO: Final = PO.with_suffix(".mo")
_HEADER: Final = "# What the screen says in French; `python -m tests.tui.translations` keeps it up to date."
KEYWORDS: Final = {"say": None, "say_count": (1, 2), "Phrase": None, "msgid": None}


def in_code() -> Catalog:
    """Find the texts in the code."""
    catalog = Catalog()
    for room in ("bridge", "tui"):
        for name, line, text, _, _ in extract_from_dir(
            ROOT / room, [("**.py", "python")], keywords=KEYWORDS, comment_tags=()
        ):
            catalog.add(text, locations=[(f"{room}/{name}", line)])
    # A runner tells the screen why a server did not start.
    for name, line, text, _, _ in extract_from_dir(
        ROOT / "stack", [("**.py", "python")], keywords={"Phrase": None}, comment_tags=()
    ):
        catalog.add(text, locations=[(f"stack/{name}", line)])
    # The settings screen says what the model says of each setting.
    for entry in entries():
        catalog.add(entry.about)
        if entry.kind is not Kind.CHOICE:
            catalog.add(entry.allowed)
    for text in every_allowed() - {"host:port"}:
        catalog.add(text)
    return catalog


def in_french() -> Catalog:
    """Read the existing translations."""
    with PO.open("rb") as file:
        return read_po(file, locale="fr")


def compiled(catalog: Catalog) -> bytes:
    """Compile a catalogue for gettext."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def texts(catalog: Catalog) -> set[str | tuple[str, ...]]:
    """All texts of a catalogue, in English."""
    return {_key(message) for message in catalog if message.id}


def untranslated(catalog: Catalog) -> list[str | tuple[str, ...]]:
    """The texts without French."""
    return [_key(message) for message in catalog if message.id and not all(_strings(message.string))]


def misplaced(catalog: Catalog) -> list[str]:
    """The texts whose French has other placeholders than the English, which would fail when translated."""
    wrong = []
    for message in catalog:
        if not message.id:
            continue
        english = set().union(*map(_places, _strings(message.id)))
        wrong += [text for text in _strings(message.string) if text and _places(text) != english]
    return wrong


def spaced(text: str) -> str:
    """A French text with no-break spaces, a narrow one before `;`, `?`, `!` and within quotation marks."""
    text = re.sub(r" ([;?!»])(?=[\s).\"]|$)", "\u202f\\1", text)
    return re.sub(r" :(?=\s|$)", "\u00a0:", text).replace("« ", "«\u202f")


def merged(code: Catalog, french: Catalog) -> Catalog:
    """Combine the texts of the code with the existing French."""
    result = Catalog(locale="fr", project="opsci", fuzzy=False, header_comment=_HEADER)
    result.revision_date = result.creation_date = french.creation_date
    for message in code:
        if message.id:
            known = french.get(message.id if isinstance(message.id, str) else message.id[0])
            result.add(message.id, _spaced_all(known.string) if known is not None else None)
    return result


def main() -> int:
    """Write both files; return 1 where texts have no French."""
    catalog = merged(in_code(), in_french())
    with PO.open("wb") as file:
        write_po(file, catalog, width=120, no_location=True, sort_output=True)
    MO.write_bytes(compiled(in_french()))
    missing = untranslated(catalog)
    for text in missing:
        print(f"no French: {text!r}")  # noqa: T201 - what it is for
    return 1 if missing else 0


def _key(message: Message) -> str | tuple[str, ...]:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def _strings(text: object) -> list[str]:
    return [text] if isinstance(text, str) else [part or "" for part in text or [""]]  # type: ignore[attr-defined]


def _spaced_all(texts: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    if texts is None or isinstance(texts, str):
        return texts and spaced(texts)
    return tuple(map(spaced, texts))


def _places(text: str) -> set[str]:
    return {f"{name}:{form}" for _, name, form, _ in string.Formatter().parse(text) if name is not None}


if __name__ == "__main__":
    sys.exit(main())
