"""French and English: every text of the screen is written in English and said in the person's language.

A text is written `say("{count} new").format(count=3)`: a whole sentence with named places, never stitched from pieces
and never an f-string, so that it can be found by its text and put in another order. It is said where it is shown, never
when a module is imported: what stands in a table, such as the title of a column, is marked there by `msgid("amount")`.

The French stands in `fr.po`. After a change of texts:

    python -m tests.tui.translations    # brings fr.po up to date, names what is missing, writes fr.mo
"""

from __future__ import annotations

import gettext
from importlib import resources
from typing import TYPE_CHECKING, Final

from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LANGUAGES", "figure", "language_of", "msgid", "say", "say_count", "speak"]

LANGUAGES: Final = ("en", "fr")
"""What the screen can speak; the first one is what the texts are written in."""

_VARIABLES: Final = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""Where a person says the language, the first that is set counts (gettext's manual, section 2.3)."""

_FRENCH_FIGURES: Final = str.maketrans({",": "\u00a0", ".": ","})
"""1,204.5 is 1 204,5 in French, with a space that no line breaks at."""

_spoken: gettext.NullTranslations = gettext.NullTranslations()
_figures: dict[int, str] = {}


def language_of(setting: str, environ: Mapping[str, str]) -> str:
    """Find the language to speak.

    Args:
        setting: `screen.language`: `fr`, `en`, or `auto` for that of the locale.
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
    """Say all texts in a language from now on.

    Args:
        language: `fr` or `en`.
    """
    global _spoken, _figures  # noqa: PLW0603 - a process speaks one language, as its locale is one
    if language == LANGUAGES[0]:
        _spoken, _figures = gettext.NullTranslations(), {}
        return
    _figures = _FRENCH_FIGURES
    with resources.files(__name__).joinpath(f"{language}.mo").open("rb") as file:
        _spoken = gettext.GNUTranslations(file)


def msgid(text: str) -> str:
    """Mark a text that stands in a table, to be said where it is shown: by `say`, in the language of that moment.

    Args:
        text: in English.
    """
    return text


def say(text: str) -> str:
    """Say a text in the person's language.

    Args:
        text: in English. A phrase of the engine is said with its values in it.

    Returns:
        The text, in English where nobody has translated it.
    """
    if isinstance(text, Phrase):
        return text.said(say)
    return _spoken.gettext(text) if text else ""


def say_count(one: str, many: str, count: int) -> str:
    """Say a text that depends on a number.

    Args:
        one: in English, for one.
        many: in English, for another number; `{count}` in both takes it.
        count: the number.
    """
    return _spoken.ngettext(one, many, count).format(count=figure(f"{count:,}"))


def figure(number: str) -> str:
    """Write a number as the person's language does.

    Args:
        number: as Python writes it: `1,204.5`.
    """
    return number.translate(_figures) if _figures else number
