"""Each key means one thing, wherever it is pressed: what the screen calls it there is the same word everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from tui.actions import ACTIONS, Action

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPED: Final = frozenset(
    {
        *("amount_field", "amount", "movement_field", "form", "filter_field", "find_field"),
        *("edit_payload", "settings_search", "setting", "setting_switch", "simulator"),
    }
)
"""Scopes of fields that are typed in: letters are text there, and what is left has its role."""

ROLES: Final = frozenset(
    {*("enter", "escape", "tab", "shift+tab", "up", "down", "left", "right", "home", "end"), *("1", "2", "3")}
)
"""Keys that do what fits the place: go on, go back, go there; a number goes to that system of the chain."""

QUESTIONS: Final = frozenset({"confirm", "quit", "trial"})
"""Scopes of windows that ask something: in all of them `y` and `n` answer."""

ANSWERS: Final = {"y": True, "n": False}


def _meanings() -> dict[str, dict[str, list[str]]]:
    """The words that stand for each key, each with the actions that it is the word of."""
    found: dict[str, dict[str, list[str]]] = {}
    for scope, actions in ACTIONS.items():
        for action in actions if scope not in TYPED else ():
            for key in filter(None, action.keys.split(",")):
                if key not in ROLES and not (scope in QUESTIONS and key in ANSWERS):
                    found.setdefault(key, {}).setdefault(_meaning(scope, action, key), []).append(action.id)
    return found


def _meaning(scope: str, action: Action, key: str) -> str:
    # `q` leaves what one is in: a window, in the end the program. What opened a window closes it again.
    if key == "q":
        return "Leave"
    if action.title in {"Close", "Leave"} and (opener := _opener(scope, key)) is not None:
        return opener.title
    if key == "G":
        # In a log the last row is the one that is followed.
        return "Last"
    return action.title


def _opener(scope: str, key: str) -> Action | None:
    found = (action for here in ("main", "app") for action in ACTIONS[here] if key in action.keys.split(","))
    return next((action for action in found if action.id != f"{scope}.close"), None)


@pytest.mark.parametrize("key", sorted(_meanings()))
def test_a_key_means_one_thing(key: str) -> None:
    meanings = _meanings()[key]
    assert len(meanings) == 1, f"{key} means {' and '.join(f'{word} ({ids})' for word, ids in meanings.items())}"


def _keys_of(title: str) -> Iterator[tuple[str, str]]:
    for scope, actions in ACTIONS.items():
        if scope not in TYPED | QUESTIONS:
            yield from ((action.id, action.keys) for action in actions if action.title == title and action.keys)


@pytest.mark.parametrize(
    "title", ["Add", "Take", "Set", "Mark", "Filter", "Drop", "Copy", "Command", "Export", "Export all", "Repeat"]
)
def test_a_verb_has_one_key(title: str) -> None:
    assert len({keys for _, keys in _keys_of(title)}) == 1, list(_keys_of(title))


def test_in_a_question_y_is_yes_and_n_stays() -> None:
    for scope in QUESTIONS:
        for action in ACTIONS[scope]:
            for key in action.keys.split(","):
                if key in ANSWERS:
                    is_yes = action.id in {"confirm.yes", "trial.keep"}
                    assert is_yes is ANSWERS[key], action.id
