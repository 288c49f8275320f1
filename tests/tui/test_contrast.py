"""Every text is readable on its background, in each theme that we ship (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest
from textual.color import Color

from tests.tui.kinds import KINDS, lines_of, opened
from tests.tui.looking import main_screen, screen_text, until
from tui.theme import DARK, LIGHT, OWN_THEMES, Roles

if TYPE_CHECKING:
    from rich.segment import Segment
    from rich.style import Style

LEAST = 4.5
WINDOWS = ("question_mark", "enter", "d", "l", "s", "p")
"""What opens each window from a pane."""


def luminance(colour: Color) -> float:
    """The relative luminance of a colour, 0 to 1, as defined in WCAG 2.2."""
    parts = [part / 255 for part in colour.rgb]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """The contrast ratio of two colours, 1 to 21."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def is_text(text: str) -> bool:
    """Whether a text contains anything to read, besides lines, blocks and spaces."""
    return any(character.isalnum() for character in text)


def colours_of(style: Style) -> tuple[Color, Color]:
    """The foreground and background colours of a style."""
    assert style.color is not None and style.bgcolor is not None
    ink, ground = Color.from_rich_color(style.color), Color.from_rich_color(style.bgcolor)
    if style.dim:
        ink = ground.blend(ink, 0.5)
    return (ground, ink) if style.reverse else (ink, ground)


def hard_to_read(lines: list[list[Segment]]) -> set[tuple[str, str, str, float]]:
    """The texts whose contrast is too low, with their colours and the contrast."""
    found = set()
    for line in lines:
        for segment in line:
            if segment.style is None or not is_text(segment.text):
                continue
            ink, ground = colours_of(segment.style)
            ratio = contrast(ink, ground)
            if ratio < LEAST:
                found.add((segment.text.strip(), ink.hex6, ground.hex6, round(ratio, 2)))
    return found


@pytest.mark.parametrize("roles", [DARK, LIGHT], ids=["opsci-dark", "opsci-light"])
def test_each_text_colour_is_readable_on_each_background(roles: Roles) -> None:
    texts = ("text", "muted", "mqtt", "kafka", "strapi", "applied", "waits", "refused")
    grounds = ("background", "raised", "alarm", "mqtt_row", "kafka_row", "strapi_row")
    for text, ground in product(texts, grounds):
        found = contrast(Color.parse(getattr(roles, text)), Color.parse(getattr(roles, ground)))
        assert found >= LEAST, f"{text} on {ground}: {found:.2f}"
    for label in ("mqtt", "strapi", "waits", "refused", "text"):
        found = contrast(Color.parse(roles.background), Color.parse(getattr(roles, label)))
        assert found >= LEAST, f"the background's colour on a label of {label}: {found:.2f}"


def test_a_text_that_is_hard_to_read_is_found() -> None:
    from rich.segment import Segment
    from rich.style import Style

    assert round(contrast(Color.parse("#000000"), Color.parse("#ffffff")), 1) == 21
    grey = Segment("grey", Style(color="#777777", bgcolor="#ffffff"))
    assert hard_to_read([[grey]]) == {("grey", "#777777", "#FFFFFF", 4.48)}


@pytest.mark.parametrize("theme", [theme.name for theme in OWN_THEMES])
@pytest.mark.parametrize("kind", KINDS)
async def test_the_main_screen_is_readable(kind: str, theme: str) -> None:
    async with opened(kind, (120, 40), theme) as pilot:
        assert hard_to_read(lines_of(pilot.app)) == set()
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        assert hard_to_read(lines_of(pilot.app)) == set()


@pytest.mark.parametrize("theme", [theme.name for theme in OWN_THEMES])
async def test_each_window_is_readable(theme: str) -> None:
    async with opened("live", (120, 40), theme) as pilot:
        for key in WINDOWS:
            await pilot.press(key)
            await until(pilot, lambda: pilot.app.screen is not main_screen(pilot.app))  # type: ignore[arg-type]
            await pilot.pause()
            # What a window stands before is dimmed, and not there to be read.
            window = pilot.app.screen.children[0].region
            strips = pilot.app.screen._compositor.render_strips()[window.y : window.bottom]
            assert hard_to_read([list(strip.crop(window.x, window.right)) for strip in strips]) == set(), key
            await pilot.press("escape")


@pytest.mark.parametrize("theme", [theme.name for theme in OWN_THEMES])
async def test_what_would_be_published_is_readable(theme: str) -> None:
    async with opened("live", (120, 40), theme) as pilot:
        await pilot.press("4", *"2", "enter", *"+5")
        await until(pilot, lambda: '"type":"IN"' in screen_text(pilot.app))
        assert hard_to_read(lines_of(pilot.app)) == set()
