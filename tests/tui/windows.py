"""Every window of the program, opened on scripted contents: `python -m tests.tui.windows COLUMNS ROWS LANGUAGE`.

Prints as JSON which texts each window cuts, by their English. With `marked` as the language each text of the
program is shown in Greek letters, and what is printed is the words that are still Latin: those that no one translates.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import string
import sys
import tempfile
from functools import cache
from gettext import NullTranslations
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

import tui.language
from bridge.runtime import collect_rarely
from tests.tui.kinds import opened
from tests.tui.looking import screen_text
from tui.language import speak

if TYPE_CHECKING:
    from textual.app import App

MARKED: Final = "marked"
"""The language in which each text of the program is in Greek letters, with its English's length."""


class Window(NamedTuple):
    """A window and how it is opened.

    Attributes:
        keys: the keys that open it from the main screen.
        kind: the contents, one of `tests.tui.kinds.KINDS`.
        state: what the engine or the program is besides: `watches`, `presets`, `local` servers, or nothing.
        back: the keys after which the main screen is as it was, once nothing covers it.
        leaves: the keys that end the window where it has to end by itself.
    """

    keys: tuple[str, ...] = ()
    kind: str = "live"
    state: str = ""
    back: tuple[str, ...] = ("escape",)
    leaves: tuple[str, ...] = ()


WINDOWS: Final = {
    "empty": Window(kind="empty"),
    "main": Window(),
    "down": Window(kind="down"),
    "starting": Window(kind="starting"),
    "failed": Window(kind="failed"),
    "movements": Window(("v",), back=("v", "v")),
    "movements down": Window(("v",), "down", back=("v", "v")),
    "stage": Window(("v", "v"), back=("v",)),
    "stage down": Window(("v", "v"), "down", back=("v",)),
    "stage empty": Window(("v", "v"), "empty", back=("v",)),
    "zoomed messages": Window(("1", "z"), back=("z", "1")),
    "zoomed records": Window(("2", "z"), back=("z", "1")),
    "zoomed stock": Window(("3", "z"), back=("z", "1")),
    "watching": Window(state="watches"),
    "take over": Window(("W",), state="watches"),
    "help": Window(("question_mark",)),
    "record": Window(("1", "up", "enter")),
    "record in Kafka": Window(("2", "up", "enter")),
    "record that waits": Window(("2", "up", "enter"), "down"),
    "product": Window(("3", "g", "enter")),
    "amount on a row": Window(("3", "g", "plus", "5")),
    "amount of a product": Window(("3", "g", "enter", "minus", "2")),
    "form": Window(("4", *"capteur"), back=("escape", "escape", "1")),
    "form, refused": Window(("4", "3", "enter", *"-5000"), back=("escape", "escape", "1")),
    "filter": Window(("1", "slash")),
    "filter that lets nothing through": Window(("1", "slash", *"xyzzy", "enter"), back=("slash", "escape")),
    "find": Window(("ctrl+f",)),
    "refused": Window(("d",)),
    "refused, mend": Window(("d", "m")),
    "refused, drop": Window(("d", "x")),
    "refused, help": Window(("d", "question_mark")),
    "nothing refused": Window(("d",), "empty"),
    "sensors": Window(("escape", "1", "a"), "empty"),
    "presets": Window(("p",), state="presets"),
    "no presets": Window(("p",)),
    "charts": Window(("l",)),
    "charts, second": Window(("l", "v")),
    "charts without movements": Window(("l",), "empty"),
    "servers": Window(("i",)),
    "servers, Kafka": Window(("i", "2")),
    "servers, Strapi": Window(("i", "3")),
    "settings": Window(("s",)),
    "a setting": Window(("s", "down", "enter")),
    "settings, help": Window(("s", "escape", "s", "down", "question_mark")),
    "quit": Window(("q",), state="local"),
    "guided tour": Window(("T",), leaves=("escape",)),
    "palette": Window(("ctrl+p",)),
}
"""By a name for reports."""

_EDGES: Final = " │┃▐▎█"
"""What may stand between a text and the right edge of its window."""

_LEAST: Final = 4
"""The fewest characters before `…` by which a text is recognised."""

_TELLING: Final = 14
"""The most characters that one text may begin with as another does."""


class Noted(NullTranslations):
    """Translations that note what was said: `texts` has for each English text what was shown."""

    def __init__(self, spoken: NullTranslations) -> None:
        super().__init__()
        self._spoken = spoken
        self.texts: dict[str, str] = {}

    def gettext(self, message: str) -> str:
        said = self.texts[message] = self._spoken.gettext(message)
        return said

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        said = self.texts[msgid1] = self._spoken.ngettext(msgid1, msgid2, n)
        return said


class Greek(NullTranslations):
    """Translations that leave of a text its length and its placeholders."""

    def gettext(self, message: str) -> str:
        return "".join(
            part if part.startswith("{") else re.sub("[A-Za-z]", "ξ", part) for part in re.split(r"(\{.*?\})", message)
        )

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


class Seen(NamedTuple):
    """What is visible of a widget.

    Attributes:
        lines: as far as the terminal shows them.
        goes_on: whether more of it is below, to which it can be scrolled.
    """

    lines: list[str]
    goes_on: bool = False


def visible(app: App[None]) -> list[Seen]:
    """What is visible of each widget without children."""
    rows = screen_text(app).split("\n")
    found = []
    for widget, (region, clip) in app.screen._compositor.visible_widgets.items():
        shown = region.intersection(clip)
        if shown.area and not widget.children:
            lines = [rows[y][shown.x : shown.right].rstrip(_EDGES) for y in range(shown.y, shown.bottom)]
            found.append(Seen(lines, goes_on=region.bottom > clip.bottom))
    return found


def cut(seen: Seen, texts: dict[str, str]) -> set[str]:
    """The texts, by their English, that a widget shows the beginning of, and not the rest.

    Args:
        seen: what is visible of the widget.
        texts: what was said, by its English.
    """
    together = _even(" ".join(seen.lines))
    wholes = set(map(_even_once, texts.values()))
    width = max(map(len, seen.lines), default=0)
    found = set()
    for line in seen.lines[: -1 if seen.goes_on else None]:
        # After blanks it says that something is left out, and cuts nothing.
        marked = {begun for sign in re.finditer(r"(?<!  )…", line) for begun in _beginnings(line[: sign.start()])}
        clipped = _beginnings(line) if len(line) == width else set()
        starts = {begun[:_LEAST] for begun in marked | clipped}
        for english, said in texts.items():
            whole, head = _pattern(said)
            if head[:_LEAST] not in starts:
                continue
            is_cut = any(_is_begun(begun, head, said) for begun in marked)
            is_cut = is_cut or any(_is_clipped(begun, head, said) and begun not in wholes for begun in clipped)
            if is_cut and not whole.search(together):
                found.add(english)
    return found


def _is_begun(begun: str, head: str, said: str) -> bool:
    if "{" in said and len(begun) > len(head):
        return len(head) > _TELLING and begun.startswith(head)
    return begun != head and head.startswith(begun)


def _is_clipped(begun: str, head: str, said: str) -> bool:
    """Whether a text ends at an edge without a sign: within a word, or after enough of it that it is no other text."""
    within = begun[-1:].isalpha() and head[len(begun) : len(begun) + 1].isalpha()
    return len(begun) > (_TELLING // 2 if within else _TELLING) and _is_begun(begun, head, said)


def _beginnings(line: str) -> set[str]:
    """What might be the beginning of a text that ends where the line does: a text does not begin within a sentence."""
    return {
        begun
        for place in re.finditer(r"(?:^|  |[^\w\s'\"-] ?)(\w)", line)
        if len(begun := _even(line[place.start(1) :])) >= _LEAST
    }


@cache
def _pattern(said: str) -> tuple[re.Pattern[str], str]:
    """What finds a text, whatever stands at its placeholders, and what is before the first of them."""
    parts = [_even(part, ends=True) for part, *_ in string.Formatter().parse(said)]
    parts[:1] = [part.lstrip() for part in parts[:1]]
    parts[-1:] = [part.rstrip() for part in parts[-1:]]
    return re.compile(".+?".join(map(re.escape, parts))), parts[0] if parts else ""


def _even(text: str, *, ends: bool = False) -> str:
    """A text without regard to case, and with single spaces."""
    spaced = re.sub(r"\s+", " ", text).casefold()
    return spaced if ends else spaced.strip()


@cache
def _even_once(text: str) -> str:
    return _even(text)


def latin(text: str) -> set[str]:
    """The words of a text that are not in Greek letters, without paths and movement-ids."""
    text = re.sub(r"/\S+|\b[0-9a-f]+(-[0-9a-f]*)+|\b[0-9a-f]*[0-9][0-9a-f]*\b", " ", text)
    return {word for word in re.findall(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'-]*", text) if len(word) > 1}


async def look(size: tuple[int, int], noted: Noted | None) -> dict[str, list[str]]:
    """Open each window, and return what is cut in it, or the words that no one translates."""
    result = {}
    for (kind, state), group in groupby(sorted(WINDOWS.items(), key=lambda one: one[1][1:3]), lambda one: one[1][1:3]):
        async with opened(kind, size, "opsci-dark", state) as pilot:
            for name, window in group:
                await pilot.press(*window.keys)
                await pilot.pause(0.1)
                if noted is None:
                    found = latin(screen_text(pilot.app))
                else:
                    found = {one for seen in visible(pilot.app) for one in cut(seen, noted.texts)}
                result[name] = sorted(found)
                if window.leaves:
                    await pilot.press(*window.leaves)
                while len(pilot.app.screen_stack) > 1:
                    pilot.app.pop_screen()
                await pilot.press(*window.back)
    return result


def main() -> None:
    """Look at all windows in one size and language."""
    collect_rarely()
    size, language = (int(sys.argv[1]), int(sys.argv[2])), sys.argv[3]
    for variable in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        os.environ[variable] = tempfile.mkdtemp()
    noted = None
    if language == MARKED:
        tui.language._spoken = Greek()
    else:
        speak(language)
        noted = Noted(tui.language._spoken)
        tui.language._spoken = noted
    json.dump(asyncio.run(look(size, noted)), sys.stdout, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    main()
