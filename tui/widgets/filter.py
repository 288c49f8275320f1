r"""A pane's filter as typed after `/`: terms separated by spaces, all of which a record must match.

    towels                 the record's text has it, without regard to case and accents
    "plastic towels"       with the space
    re:p3@12\d$             the record's text matches a regular expression
    !towels  !type:out     the opposite
    topic:hall  product=12 one field contains it, or equals it; `re:` works there too
    amount>10  amount<-10  compare a number: > >= < <= = !=; an amount has the sign that the pane shows

The syntax is that of k9s's logs (`!`), of less (`/`) and of GitHub's search (`field:`, `>`).
"""

from __future__ import annotations

import contextlib
import math
import operator
import re
import time
import warnings
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from bridge.movement import is_numeric_id
from bridge.text import readable_bytes
from tui.format import folded, unaccented
from tui.language import figure, say
from tui.outcome import outcome, shown_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import regex

    from bridge.journal import Journey, Product, StockTable

__all__ = [
    "LONGEST",
    "PRODUCT_WORDS",
    "FilterError",
    "TooLongError",
    "Vocabulary",
    "found",
    "haystack_of_journey",
    "haystack_of_product",
    "journey_words",
    "limited",
    "read_filter",
]


LONGEST: Final = 0.1
"""Seconds of processor time: ten times what a slice of normal work takes."""

_until: ContextVar[float] = ContextVar("until", default=math.inf)
"""The end of the time for regular expressions, on the clock of this thread's processor time."""

Item = TypeVar("Item")

_TERM: Final = re.compile(r'(?:[^\s"]|"[^"]*"?)+')

_FIELD: Final = re.compile(r"([a-z]+)(:|!=|>=|<=|>|<|=)(.*)", re.DOTALL)

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,20}", re.ASCII)

_GROUPED: Final = re.compile(r"[+-]?[0-9]{1,3}([, \u00a0\u202f])[0-9]{3}(\1[0-9]{3})*", re.ASCII)

_RELATIONS: Final = {
    ":": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
    "!=": operator.ne,
}


class TooLongError(Exception):
    """A regular expression took too long and was aborted."""


@contextlib.contextmanager
def limited(seconds: float = LONGEST) -> Iterator[None]:
    """Limit the total time for the filters' regular expressions within a block.

    It is processor time and not clock time, so that load by other programs does not abort them.

    Args:
        seconds: of processor time, more than 0.

    Raises:
        TooLongError: a search was aborted.
    """
    before = _until.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _until.reset(before)


def found(pattern: regex.Pattern[str], text: str) -> bool:
    """Whether a pattern is in a text.

    Raises:
        TooLongError: it takes longer than `limited` allows.
    """
    until = _until.get()
    if until == math.inf:
        return pattern.search(text) is not None
    left = until - time.thread_time()
    if left <= 0:
        raise TooLongError
    try:
        return pattern.search(text, timeout=left) is not None
    except TimeoutError:
        raise TooLongError from None


class FilterError(ValueError):
    """The text is not a valid filter; the message says why and where."""


@dataclass(frozen=True)
class Vocabulary(Generic[Item]):
    """The fields of a kind of record.

    Attributes:
        whole: all the text of it, folded: where a term without a field looks.
        texts: the fields that have text, folded; a field with several texts has each on a line.
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
    """Parse a filter.

    Args:
        typed: any text.
        vocabulary: the fields of the records.

    Returns:
        A predicate for records that match every term; None for an empty text, which matches everything.

    Raises:
        FilterError: a regular expression or a number is invalid, or a field is another pane's.
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
        same = folded(_unquoted(wanted))
        return lambda item: same in text(item).split("\n")
    if text is not None and relation == "!=":
        other = folded(_unquoted(wanted))
        return lambda item: other not in text(item).split("\n")
    if text is not None and relation == ":":
        return _field_text_test(text, wanted, at + match.start(3), from_start=name in vocabulary.exact)
    if text is not None:
        example = f"{name}:{wanted or '...'}"
        raise FilterError(say("{name} is a text: type {example}").format(name=name, example=example) + _place(at))
    if name in vocabulary.foreign:
        known = ", ".join(sorted({*vocabulary.texts, *vocabulary.numbers}))
        raise FilterError(say("no {name} here: {known}").format(name=name, known=known) + _place(at))
    return None


def _field_text_test(text: Callable[[Item], str], wanted: str, at: int, *, from_start: bool) -> Callable[[Item], bool]:
    test = _text_test(wanted, at)
    if test is None:
        return lambda _: True
    if from_start and not wanted.startswith("re:"):
        start = folded(_unquoted(wanted))
        return lambda item: text(item).startswith(start)
    return lambda item: test(text(item))


def _number_test(
    name: str, relation: str, wanted: str, number: Callable[[Item], int | None], at: int
) -> Callable[[Item], bool]:
    typed = _whole(wanted)
    if typed is None:
        wrong = say("{found} is no whole number").format(found=wanted)
        said = wrong if wanted else say("type a whole number, as in {example}").format(example=f"{name}{relation}10")
        raise FilterError(f"{said}{_place(at + len(name) + len(relation))}")
    compares, limit = _RELATIONS[relation], typed

    def passes(item: Item) -> bool:
        found = number(item)
        return found is not None and bool(compares(found, limit))

    return passes


def _whole(wanted: str) -> int | None:
    """Parse a number as typed, or copied from a pane: `-1,607`; None if it is invalid."""
    text = _unquoted(wanted).replace("\N{MINUS SIGN}", "-")
    grouped = _GROUPED.fullmatch(text)
    # A comma groups digits in English and is the decimal sign in French.
    if grouped and (grouped[1] != "," or figure(",") == ","):
        text = text.replace(grouped[1], "")
    return int(text) if _WHOLE.fullmatch(text) else None


def _text_test(wanted: str, at: int) -> Callable[[str], bool] | None:
    """A test of folded text; None if the term is still empty."""
    if wanted.startswith("re:"):
        pattern = unaccented(_unquoted(wanted.removeprefix("re:")))
        if not pattern:
            return None
        return partial(found, _compiled(pattern, at + len("re:")))
    part = folded(_unquoted(wanted))
    return (lambda text: part in text) if part else None


def _compiled(pattern: str, at: int) -> regex.Pattern[str]:
    # Imported here, as the first frame does not need it. Python's own engine has no time limit for backtracking.
    import regex  # noqa: PLC0415

    try:
        with warnings.catch_warnings():
            # A warning about later Python versions must not be written over the screen.
            warnings.simplefilter("ignore")
            # Compiled by Python's own first, whose messages say where and what is wrong.
            re.compile(pattern, re.IGNORECASE)
            return regex.compile(pattern, regex.IGNORECASE)
    except re.error as error:
        why = say("not a regular expression: {why}").format(why=error.msg)
        raise FilterError(why + _place(at + (error.pos or 0))) from None
    except regex.error as error:
        raise FilterError(say("not a regular expression: {why}").format(why=error) + _place(at)) from None
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


def journey_words(board: StockTable) -> Vocabulary[Journey]:
    """The fields of a journey.

    Args:
        board: the products, whose names can be filtered by.
    """
    return Vocabulary(
        lambda journey: haystack_of_journey(journey, board),
        {
            "topic": lambda journey: folded(f"{journey.mqtt_topic or ''}\n{journey.kafka_topic}"),
            "key": lambda journey: folded(journey.key or ""),
            "product": lambda journey: _product(journey, board),
            "payload": lambda journey: folded(readable_bytes(journey.payload)),
            "type": lambda journey: folded(journey.movement.type) if journey.movement else "",
            "verdict": _verdict,
            "id": lambda journey: folded(journey.movement_id),
        },
        {
            "amount": lambda journey: journey.movement.delta if journey.movement else None,
            "partition": lambda journey: journey.partition if journey.offset >= 0 else None,
            "offset": lambda journey: journey.offset if journey.offset >= 0 else None,
            "qos": lambda journey: None if journey.mqtt_topic is None else journey.qos,
        },
        exact=frozenset({"type", "id"}),
        foreign=frozenset({"stock", "last", "status", "barcode", "name"}),
    )


def haystack_of_journey(journey: Journey, board: StockTable) -> str:
    """The text of a record that a filter searches: topics, key, product and its name, verdict and payload, folded."""
    return folded(
        "\n".join(
            (
                journey.mqtt_topic or "",
                journey.kafka_topic,
                journey.key or "",
                journey.position,
                _name(journey, board),
                outcome(journey).words,
                readable_bytes(journey.payload),
            )
        )
    )


def haystack_of_product(product: Product) -> str:
    """The text of a product that a filter searches: id, name, barcode and status, folded."""
    return folded(f"{product.id}\n{product.name}\n{product.barcode}\n{shown_status(product)}")


PRODUCT_WORDS: Final[Vocabulary[Product]] = Vocabulary(
    haystack_of_product,
    {
        "product": haystack_of_product,
        "name": lambda product: folded(product.name),
        "barcode": lambda product: folded(product.barcode),
        "status": lambda product: folded(shown_status(product)),
    },
    {
        "id": lambda product: product.id,
        "stock": lambda product: product.stock,
        "last": lambda product: product.last_change or None,
    },
    foreign=frozenset({"topic", "key", "payload", "type", "verdict", "amount", "partition", "offset", "qos"}),
)
"""The fields of a product."""


def _name(journey: Journey, board: StockTable) -> str:
    name = journey.product_name
    if not name and is_numeric_id(journey.product):
        product = board.get(int(journey.product))
        name = product.name if product else ""
    return name


def _product(journey: Journey, board: StockTable) -> str:
    return folded(f"{journey.product}\n{_name(journey, board)}")


def _verdict(journey: Journey) -> str:
    found = outcome(journey)
    # In English too, so that a filter works the same in every language.
    reason = journey.rejection.reason.replace("-", " ") if journey.rejection else ""
    word = journey.verdict.value if journey.verdict else "pending" if journey.elsewhere is None else "elsewhere"
    return folded(f"{word}\n{reason}\n{found.words}")
