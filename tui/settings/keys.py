"""Keys that the settings give to actions, by binding id."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from textual.binding import Binding
from textual.keys import KEY_NAME_REPLACEMENTS, KEY_TO_UNICODE_NAME, Keys

from bridge.errors import SettingsError
from bridge.phrase import Phrase, in_lines
from bridge.settings.names import did_you_mean, expected
from tui.actions import ACTIONS, bindings
from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tui.actions import Action

__all__ = ["binding_ids", "binding_lines", "check_keys", "key_problems", "taken_keys"]

_MODIFIERS: Final = frozenset({"ctrl", "shift", "alt", "super", "hyper", "meta"})

_NAMED: Final = frozenset({*(key.value for key in Keys), *KEY_NAME_REPLACEMENTS.values(), *KEY_TO_UNICODE_NAME})


def binding_ids() -> list[str]:
    """Return the ids of all bindings whose keys can be set, in alphabetical order."""
    return sorted(_actions())


def binding_lines(keys: Mapping[str, str]) -> list[str]:
    """Return a line for each id: its current keys, and what they do."""
    lines = []
    for identity, actions in sorted(_actions().items()):
        has = keys.get(identity) or ",".join(dict.fromkeys(action.keys for action in actions))
        lines.append(f"{identity:22} {has:24} {say(actions[0].help or actions[0].title)}")
    return lines


def taken_keys(keys: Mapping[str, str]) -> list[Binding]:
    """Return the bindings that lose a key because the settings give it to another action on the same screen.

    Textual's own report of clashes leaves out a binding whose key was not changed but which loses it all the same.
    """
    given = {
        binding.key: identity
        for identity, several in keys.items()
        for binding in Binding.make_bindings([(several, "", "")])
    }
    taken: dict[str, Binding] = {}
    for scope in ACTIONS:
        here = {action.id for action in ACTIONS[scope]}
        for binding in Binding.make_bindings(bindings(scope)):
            owner = given.get(binding.key)
            if owner in here and owner != binding.id and binding.id not in keys:
                taken.setdefault(binding.id or binding.action, binding)
    return list(taken.values())


def _actions() -> dict[str, list[Action]]:
    found: dict[str, list[Action]] = {}
    for actions in ACTIONS.values():
        for action in actions:
            if action.keys:
                found.setdefault(action.id, []).append(action)
    return found


def key_problems(keys: Mapping[str, str]) -> list[str]:
    """Return what is wrong with keys that the settings give.

    Args:
        keys: one or several separated by commas, by binding id.

    Returns:
        A sentence for each unknown id and each key that no keyboard has; empty if all are valid.
    """
    if not keys:
        return []
    known = binding_ids()
    problems: list[str] = [
        Phrase(
            "screen.keys: there is nothing called {name}; {known}",
            name=repr(identity),
            known=did_you_mean(identity, known),
        )
        for identity in keys
        if identity not in known
    ]
    problems += [
        expected(f"screen.keys.{identity}", "screen.keys", key, Phrase("a key as f4, ctrl+g, space or +"))
        for identity, several in keys.items()
        for key in several.split(",")
        if not _is_key(key)
    ]
    return problems


def check_keys(keys: Mapping[str, str]) -> None:
    """Refuse invalid keys.

    Raises:
        SettingsError: an id or a key is unknown; the message has a line for each.
    """
    if problems := key_problems(keys):
        raise SettingsError(in_lines(problems))


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    if not all(modifier in _MODIFIERS for modifier in modifiers):
        return False
    return len(last) == 1 or last in _NAMED or _has_unicode_name(last)


def _has_unicode_name(name: str) -> bool:
    try:
        unicodedata.lookup(name.replace("_", " ").upper())
    except KeyError:
        return False
    return True
