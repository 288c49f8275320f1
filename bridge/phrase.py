"""Translatable texts of the engine, and lists within them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Phrase", "in_lines", "listed", "placed"]

_LISTED: Final = 4


class Phrase(str):
    """An English text that keeps the sentence and the values from which it was made.

    In logs, records and the terminal it is the English text. A screen in another language translates the sentence and
    inserts the same values. A value that is a phrase is translated too.

    Args:
        sentence: in English, with named placeholders: `"the amount is {found}; it must be a whole number"`.
        values: for the placeholders: texts and numbers only, as an object such as an exception would be kept alive.

    Raises:
        KeyError: a placeholder has no value.
    """

    __slots__ = ("sentence", "values")

    sentence: str
    values: dict[str, str | float]

    def __new__(cls, sentence: str, **values: str | float) -> Phrase:
        phrase = super().__new__(cls, sentence.format(**values))
        phrase.sentence = sentence
        phrase.values = values
        return phrase

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.sentence, self.values)

    def said(self, translate: Callable[[str], str]) -> str:
        """Return the text in another language.

        Args:
            translate: returns the sentence in that language, or unchanged.
        """
        values = {
            name: value.said(translate) if isinstance(value, Phrase) else value for name, value in self.values.items()
        }
        return translate(self.sentence).format(**values)


def placed(where: str, text: str | None) -> Phrase:
    """A text after the place or the setting that it is about; an exception may have none."""
    return Phrase("{where}: {text}", where=where, text=text or "")


def in_lines(texts: Iterable[str]) -> Phrase:
    """Texts, one a line; each that is a phrase stays translatable."""
    values: dict[str, str | float] = {f"line{number}": text for number, text in enumerate(texts)}
    sentence = "\n".join(f"{{{name}}}" for name in values)
    return Phrase(sentence, **values)


def listed(texts: Iterable[str]) -> str:
    """Join the first four texts, with an ellipsis if there are more."""
    found = list(texts)
    return ", ".join([*found[:_LISTED], *(["..."] if len(found) > _LISTED else [])])


def _again(sentence: str, values: dict[str, str | float]) -> Phrase:
    return Phrase(sentence, **values)
