"""French and English: every text of the screen is written in English and shown in the user's language.

Write a text as `say("{count} new").format(count=3)`: a whole sentence with named placeholders, never concatenated and
never an f-string, so that it can be looked up and its words reordered. Translate where a text is shown, never when a
module is imported; mark texts in tables, such as column titles, by `msgid("amount")`.

The French texts are in `fr.po`. After a change of texts:

    python -m tests.tui.translations    # updates fr.po, names what is missing, writes fr.mo
"""

from __future__ import annotations

import gettext
from importlib import resources
from typing import TYPE_CHECKING, Final

from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "figure", "language", "language_of", "msgid", "say", "say_count", "speak"]

LANGUAGES: Final = ("en", "fr")
"""The supported languages; the first one is the source language of the texts."""

_VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""Environment variables that set the language; the first one set counts (gettext's manual, section 2.3)."""

_FRENCH_FIGURES: Final = str.maketrans({",": "\u00a0", ".": ","})
"""1,204.5 is 1 204,5 in French, with a no-break space."""

_spoken: gettext.NullTranslations = gettext.NullTranslations()
_figures: dict[int, str] = {}
_language = LANGUAGES[0]


def language_of(setting: str, environ: Mapping[str, str]) -> str:
    """Choose the language.

    Args:
        setting: `screen.language`: `fr`, `en`, or `auto` for the locale's.
        environ: the environment: `os.environ`.

    Returns:
        `fr` or `en`; English where the locale names neither.
    """
    if setting in LANGUAGES:
        return setting
    locale = next((environ[name] for name in _VARIABLES if environ.get(name)), "")
    wanted = (part.split("_")[0].split(".")[0].lower() for part in locale.split(":"))
    return next((language for language in wanted if language in LANGUAGES), LANGUAGES[0])


def speak(language: str) -> None:
    """Set the language of all texts from now on.

    Args:
        language: `fr` or `en`.
    """
    global _spoken, _figures, _language  # noqa: PLW0603 - a process speaks one language, as its locale is one
    _language = language
    if language == LANGUAGES[0]:
        _spoken, _figures = gettext.NullTranslations(), {}
        return
    _figures = _FRENCH_FIGURES
    with resources.files(__name__).joinpath(f"{language}.mo").open("rb") as file:
        _spoken = gettext.GNUTranslations(file)


def language() -> str:
    """Return the language of all texts: `fr` or `en`."""
    return _language


def msgid(text: str) -> str:
    """Mark a text in a table for translation; it is translated by `say` when it is shown.

    Args:
        text: in English.
    """
    return text


def say(text: str) -> str:
    """Translate a text into the user's language.

    Args:
        text: in English. A `Phrase` of the engine is translated together with its values.

    Returns:
        The text, in English if there is no translation.
    """
    if isinstance(text, Phrase):
        return text.said(say)
    return _spoken.gettext(text) if text else ""


def say_count(one: str, many: str, count: int) -> str:
    """Translate a text that depends on a number.

    Args:
        one: in English, for one.
        many: in English, for other numbers; both may contain `{count}`.
        count: the number.
    """
    return _spoken.ngettext(one, many, count).format(count=figure(f"{count:,}"))


def figure(number: str) -> str:
    """Write a number in the user's language.

    Args:
        number: as Python writes it: `1,204.5`.
    """
    return number.translate(_figures) if _figures else number
