"""A text of the engine that a screen can say in another language, and the lists that stand in such texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Phrase", "listed"]

_LISTED: Final = 4


class Phrase(str):
    """An English text that remembers the sentence that it was made from and the values in it.

    To logs, records and the terminal it is the text. A screen in another language looks the sentence up and puts the
    same values in. A value that is a phrase is said in that language as well.

    Args:
        sentence: in English, with named places: `"the amount is {found}; it must be a whole number"`.
        values: what stands in the places: texts and numbers, as an object such as an exception would be kept alive.

    Raises:
        KeyError: a place has no value.
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
        """Say it in another language.

        Args:
            translate: gives the sentence in that language, or as it is.
        """
        values = {
            name: value.said(translate) if isinstance(value, Phrase) else value for name, value in self.values.items()
        }
        return translate(self.sentence).format(**values)


def listed(texts: Iterable[str]) -> str:
    """Name the first four of some, and say where there are more."""
    found = list(texts)
    return ", ".join([*found[:_LISTED], *(["..."] if len(found) > _LISTED else [])])


def _again(sentence: str, values: dict[str, str | float]) -> Phrase:
    return Phrase(sentence, **values)
