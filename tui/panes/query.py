r"""A pane's filter as a person types it after `/`: terms joined by space, each a test of one record.

    towels                 the record's text has it, without regard to case
    "plastic towels"       with the space
    re:p3@12\d$             a regular expression finds something in it
    !towels  !type:out     the opposite
    topic:hall  product=12 one field has it, or is it; `re:` works there too
    amount>10  offset<=99  a number compares: > >= < <= =

The ways to write it are those of k9s's logs (`!`), of less (`/`) and of GitHub's search (`field:`, `>`).
"""

from __future__ import annotations

import operator
import re
import warnings
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tui.language import say
from tui.panes.limit import found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FilterError", "Vocabulary", "read_filter"]

Item = TypeVar("Item")

_TERM: Final = re.compile(r'(?:[^\s"]|"[^"]*"?)+')
_FIELD: Final = re.compile(r"([a-z]+)(:|>=|<=|>|<|=)(.*)", re.DOTALL)
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)

_RELATIONS: Final = {
    ":": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}


class FilterError(ValueError):
    """What was typed is no filter; the text says why and where."""


@dataclass(frozen=True)
class Vocabulary(Generic[Item]):
    """What can be asked of a kind of record.

    Attributes:
        whole: all the text of it, case folded: where a term without a field looks.
        texts: the fields that have text, case folded; a field with several texts has each on a line.
        exact: those of them whose text is looked at from its beginning: `type:o` is OUT, never IN with an o in it.
        numbers: the fields that have a number; None is no number, and compares with nothing.
        foreign: the fields that records of other panes have, which are worth an error here.
    """

    whole: Callable[[Item], str]
    texts: Mapping[str, Callable[[Item], str]]
    numbers: Mapping[str, Callable[[Item], int | None]]
    exact: frozenset[str] = field(default=frozenset())
    foreign: frozenset[str] = field(default=frozenset())


def read_filter(typed: str, vocabulary: Vocabulary[Item]) -> Callable[[Item], bool] | None:
    """Read a filter.

    Args:
        typed: any text.
        vocabulary: what can be asked of the records.

    Returns:
        Whether a record passes every term; None where nothing was typed and so everything passes.

    Raises:
        FilterError: a regular expression is none, a number is none, or a field is another pane's.
    """
    plain: list[Callable[[str], bool]] = []
    asked: list[Callable[[Item], bool]] = []
    for match in _TERM.finditer(typed):
        inverse = match[0].startswith("!")
        term, at = match[0].removeprefix("!"), match.start() + inverse + 1
        found = _field_test(term, at, vocabulary)
        if found is not None:
            asked.append(_turned(found) if inverse else found)
            continue
        test = _text_test(term, at)
        if test is not None:
            plain.append(_turned(test) if inverse else test)
    whole = vocabulary.whole
    if plain:
        asked.append(lambda item: _all(plain, whole(item)))
    return (lambda item: _all(asked, item)) if asked else None


def _field_test(term: str, at: int, vocabulary: Vocabulary[Item]) -> Callable[[Item], bool] | None:
    match = _FIELD.fullmatch(term)
    if match is None:
        return None
    name, relation, wanted = match.groups()
    number, text = vocabulary.numbers.get(name), vocabulary.texts.get(name)
    if number is not None:
        return _number_test(name, relation, wanted, number, at)
    if text is not None and relation == "=":
        same = _unquoted(wanted).casefold()
        return lambda item: same in text(item).split("\n")
    if text is not None and relation == ":":
        return _field_text_test(text, wanted, at + match.start(3), from_start=name in vocabulary.exact)
    if name in vocabulary.foreign:
        known = ", ".join(sorted({*vocabulary.texts, *vocabulary.numbers}))
        raise FilterError(say("no {name} here: {known}").format(name=name, known=known) + _place(at))
    return None


def _field_text_test(text: Callable[[Item], str], wanted: str, at: int, *, from_start: bool) -> Callable[[Item], bool]:
    test = _text_test(wanted, at)
    if test is None:
        return lambda _: True
    if from_start and not wanted.startswith("re:"):
        start = _unquoted(wanted).casefold()
        return lambda item: text(item).startswith(start)
    return lambda item: test(text(item))


def _number_test(
    name: str, relation: str, wanted: str, number: Callable[[Item], int | None], at: int
) -> Callable[[Item], bool]:
    if not _WHOLE.fullmatch(wanted):
        wrong = say("{found} is no whole number").format(found=wanted)
        said = wrong if wanted else say("type a whole number, as in {example}").format(example=f"{name}{relation}10")
        raise FilterError(f"{said}{_place(at + len(name) + len(relation))}")
    compares, limit = _RELATIONS[relation], int(wanted)

    def passes(item: Item) -> bool:
        found = number(item)
        return found is not None and bool(compares(found, limit))

    return passes


def _text_test(wanted: str, at: int) -> Callable[[str], bool] | None:
    """A test of case folded text, None where nothing is wanted yet."""
    if wanted.startswith("re:"):
        pattern = _unquoted(wanted.removeprefix("re:"))
        if not pattern:
            return None
        return partial(found, _compiled(pattern, at + len("re:")))
    folded = _unquoted(wanted).casefold()
    return (lambda text: folded in text) if folded else None


def _compiled(pattern: str, at: int) -> re.Pattern[str]:
    try:
        with warnings.catch_warnings():
            # What a later Python may read in another way is no reason to write over the screen of this one.
            warnings.simplefilter("ignore")
            return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        why = say("not a regular expression: {why}").format(why=error.msg)
        raise FilterError(why + _place(at + (error.pos or 0))) from None
    except (OverflowError, RecursionError, MemoryError):
        raise FilterError(say("not a regular expression: too large") + _place(at)) from None


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text.startswith('"') and text.endswith('"') else text


def _turned(test: Callable[[Item], bool]) -> Callable[[Item], bool]:
    return lambda item: not test(item)


def _all(tests: list[Callable[[Item], bool]], item: Item) -> bool:
    return all(test(item) for test in tests)


def _place(at: int) -> str:
    return say(", at character {at}").format(at=at)
