"""The themes: opsci's dark and light theme, and the meaning of each colour, also in Textual's own themes.

The stylesheet and the code name a colour by its role: `$mqtt`, `$kafka`, `$strapi` for the three systems, `$applied`,
`$waits` and `$refused` for the outcome of a movement, `$raised` for bars and fields, `$line` for borders, `$alarm` for
the banner, and `$mqtt-row`, `$kafka-row`, `$strapi-row` for the selected row of each pane. In opsci's themes every text
has a contrast of at least 4.5 (WCAG 2.2, 1.4.3) on each of these backgrounds, which a test checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DARK", "LIGHT", "OWN_THEMES", "Roles", "role_variables", "theme_names"]


class Roles(NamedTuple):
    """The colour of each role in one of opsci's themes, as `#rrggbb`."""

    background: str
    raised: str
    line: str
    text: str
    muted: str
    mqtt: str
    kafka: str
    strapi: str
    applied: str
    waits: str
    refused: str
    alarm: str
    mqtt_row: str
    kafka_row: str
    strapi_row: str


DARK: Final = Roles(
    background="#0d1117",
    raised="#161b22",
    line="#3a424d",
    text="#e6edf3",
    muted="#9aa4b0",
    mqtt="#6cb6ff",
    kafka="#d2a8ff",
    strapi="#4fd6be",
    applied="#7ee787",
    waits="#e3b341",
    refused="#ff7b72",
    alarm="#4a1d1f",
    mqtt_row="#1b3552",
    kafka_row="#35274a",
    strapi_row="#153934",
)

LIGHT: Final = Roles(
    background="#ffffff",
    raised="#eef1f5",
    line="#b4bdc9",
    text="#1b2430",
    muted="#4f5965",
    mqtt="#0a53a8",
    kafka="#6f2fae",
    strapi="#0a6257",
    applied="#17632a",
    waits="#7a4a00",
    refused="#a8201a",
    alarm="#fbe3e1",
    mqtt_row="#d9e8fb",
    kafka_row="#ecdffa",
    strapi_row="#d3f0ea",
)


def _variables(roles: Roles) -> dict[str, str]:
    """Return the stylesheet variables of the roles, including those of Textual that are used for text."""
    return {
        **{name.replace("_", "-"): colour for name, colour in roles._asdict().items() if name not in _TEXTUALS_OWN},
        "foreground-muted": roles.muted,
        "foreground-disabled": roles.muted,
        "text-muted": roles.muted,
        "text-disabled": roles.muted,
        "text-primary": roles.mqtt,
        "text-secondary": roles.kafka,
        "text-accent": roles.kafka,
        "text-success": roles.applied,
        "text-warning": roles.waits,
        "text-error": roles.refused,
        "footer-background": roles.raised,
        "footer-foreground": roles.text,
        "footer-key-foreground": roles.waits,
        "footer-description-foreground": roles.muted,
        "block-cursor-background": roles.mqtt_row,
        "block-cursor-foreground": roles.text,
        "block-cursor-blurred-background": roles.mqtt_row,
        "block-cursor-blurred-foreground": roles.text,
        "input-selection-background": roles.mqtt_row,
        "input-selection-foreground": roles.text,
        "input-cursor-background": roles.text,
        "input-cursor-foreground": roles.background,
        "primary-muted": roles.mqtt_row,
        "success-muted": roles.strapi_row,
        "error-muted": roles.alarm,
    }


_TEXTUALS_OWN: Final = frozenset({"background", "text"})
"""Roles whose variable is Textual's own and given by the theme itself."""


def _theme(name: str, roles: Roles, *, dark: bool) -> Theme:
    return Theme(
        name=name,
        primary=roles.mqtt,
        secondary=roles.kafka,
        accent=roles.kafka,
        success=roles.applied,
        warning=roles.waits,
        error=roles.refused,
        foreground=roles.text,
        background=roles.background,
        surface=roles.raised,
        panel=roles.raised,
        dark=dark,
        variables=_variables(roles),
    )


OWN_THEMES: Final = (_theme("opsci-dark", DARK, dark=True), _theme("opsci-light", LIGHT, dark=False))
"""opsci's themes."""


def theme_names() -> tuple[str, ...]:
    """Return the names of all themes, opsci's first."""
    return (*(theme.name for theme in OWN_THEMES), *BUILTIN_THEMES)


def role_variables(theme: Theme) -> Mapping[str, str]:
    """Return the role variables for a theme that does not give them, using its own colours where they match a role.

    Args:
        theme: any theme.
    """
    roles = DARK if theme.dark else LIGHT
    found = {name.replace("_", "-"): colour for name, colour in roles._asdict().items() if name not in _TEXTUALS_OWN}
    if theme.ansi or theme.background is None:
        return found
    background = Color.parse(theme.background)
    if background.ansi is None:
        for system in ("mqtt", "kafka", "strapi"):
            found[f"{system}-row"] = background.blend(Color.parse(found[system]), 0.25).hex6
        found["alarm"] = background.blend(Color.parse(found["refused"]), 0.25).hex6
        found["raised"] = theme.surface or found["raised"]
    return found
