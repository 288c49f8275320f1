"""The registry of actions: each has an id, is translated when shown, and the README lists all keys."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from itertools import chain

import pytest
from textual.binding import Binding

from tests.tui.key_table import README, replaced
from tui.actions import ACTIONS, HELP, bindings, given_keys, key_cap
from tui.app import OpsciApp

IMPORT_ALL = """
import importlib, pkgutil, sys
import tui, tui.language

def refuse(*_):
    raise AssertionError("said while a module is imported")

tui.language.say = tui.language.say_count = refuse
for module in pkgutil.walk_packages(tui.__path__, "tui."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def test_the_readme_names_the_keys_as_the_registry_has_them() -> None:
    written = README.read_text(encoding="utf-8")
    assert replaced(written) == written, "python -m tests.tui.key_table"


def test_no_text_is_said_while_a_module_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_ALL], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_an_id_stands_once_in_a_scope_and_means_one_thing_everywhere() -> None:
    for scope, actions in ACTIONS.items():
        assert max(Counter(action.id for action in actions).values()) == 1, scope
    words: dict[str, str] = {}
    for action in chain(*ACTIONS.values()):
        assert action.title
        assert words.setdefault(action.id, action.help) == action.help


def test_help_names_scopes_that_there_are() -> None:
    for sections in HELP.values():
        assert {scope for _, scopes in sections for scope in scopes} <= ACTIONS.keys()


@pytest.mark.parametrize("scope", ACTIONS)
def test_an_action_with_a_key_is_a_binding_with_its_words(scope: str) -> None:
    made = bindings(scope)
    for binding, action in zip(made, [one for one in ACTIONS[scope] if one.keys], strict=True):
        assert isinstance(binding, Binding)
        assert (binding.id, binding.key, binding.action) == (action.id, action.keys, action.call)
        assert (binding.description, binding.tooltip) == (action.title, action.help)


def test_the_settings_give_other_keys() -> None:
    (find,) = [action for action in ACTIONS["main"] if action.id == "find"]
    assert given_keys(find, {"find": "f4"}).keys == "f4"
    assert given_keys(find, {"quit": "f4"}) == find
    assert key_cap("ctrl+f") == "Ctrl+F"


def test_the_palette_offers_what_the_application_can_do() -> None:
    for action in ACTIONS["app"]:
        if action.palette:
            assert callable(getattr(OpsciApp, f"action_{action.call}"))
