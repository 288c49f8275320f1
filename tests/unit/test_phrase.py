"""Translatable texts of the engine."""

from __future__ import annotations

import copy
import pickle

import pytest

from bridge.errors import UnreachableError
from bridge.phrase import Phrase
from tui.format import age, count, duration, rate, signed
from tui.language import language_of, say, speak
from tui.language import say_count as counted

NOW = 1_700_000_000.0
FRENCH = {"the amount is {found}": "la quantité est {found}", "missing": "absente"}


def french(sentence: str) -> str:
    return FRENCH.get(sentence, sentence)


def test_a_phrase_is_its_english_text() -> None:
    phrase = Phrase("the amount is {found}", found=12)
    assert phrase == "the amount is 12"
    assert f"{phrase}!" == "the amount is 12!"


def test_a_phrase_is_said_in_another_language_with_the_phrases_in_it() -> None:
    assert Phrase("the amount is {found}", found=Phrase("missing")).said(french) == "la quantité est absente"


def test_a_phrase_that_nobody_translated_is_said_as_it_is() -> None:
    assert Phrase("no {what}", what="token").said(french) == "no token"


def test_braces_in_a_value_stay() -> None:
    assert Phrase("the amount is {found}", found="{x}").said(french) == "la quantité est {x}"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda phrase: pickle.loads(pickle.dumps(phrase))])  # noqa: S301
def test_a_copied_phrase_remembers_its_sentence(again: object) -> None:
    assert callable(again)
    assert again(Phrase("the amount is {found}", found=1)).said(french) == "la quantité est 1"


def test_a_server_error_keeps_what_happened_and_the_advice_apart() -> None:
    error = UnreachableError("kafka", Phrase("the amount is {found}", found=1), Phrase("missing"))
    assert str(error) == "the amount is 1 (missing)"
    assert isinstance(error.text, Phrase)
    assert error.text.said(french) == "la quantité est 1 (absente)"


@pytest.mark.parametrize(
    ("setting", "environ", "spoken"),
    [
        ("fr", {"LANG": "en_GB.UTF-8"}, "fr"),
        ("en", {"LANG": "fr_FR.UTF-8"}, "en"),
        ("auto", {"LANG": "fr_FR.UTF-8"}, "fr"),
        ("auto", {"LANG": "fr_CA"}, "fr"),
        ("auto", {"LANG": "C.UTF-8"}, "en"),
        ("auto", {"LANG": "de_DE.UTF-8"}, "en"),
        ("auto", {"LC_ALL": "en_US.UTF-8", "LANG": "fr_FR.UTF-8"}, "en"),
        ("auto", {"LC_ALL": "", "LC_MESSAGES": "fr_FR.UTF-8", "LANG": "C"}, "fr"),
        ("auto", {"LANGUAGE": "de:fr:en", "LANG": "de_DE.UTF-8"}, "fr"),
        ("auto", {}, "en"),
    ],
)
def test_the_language_is_that_of_the_setting_or_the_locale(setting: str, environ: dict[str, str], spoken: str) -> None:
    assert language_of(setting, environ) == spoken


def test_what_nobody_translated_is_said_in_english() -> None:
    speak("fr")
    try:
        assert say("a text that stands nowhere") == "a text that stands nowhere"
        assert say("") == ""
        assert counted("{count} such text", "{count} such texts", 1_200) == "1\u00a0200 such texts"
    finally:
        speak("en")


def test_french_writes_figures_its_own_way() -> None:
    english = [count(1_204), signed(-1_204), rate(3.25), duration(1.25), age(NOW - 90_000, NOW), age(NOW, NOW)]
    speak("fr")
    try:
        french = [count(1_204), signed(-1_204), rate(3.25), duration(1.25), age(NOW - 90_000, NOW), age(NOW, NOW)]
    finally:
        speak("en")
    assert english == ["1,204", "-1,204", "3.2/s", "1.2 s", "1d", "now"]
    assert french == ["1\u00a0204", "-1\u00a0204", "3,2/s", "1,2 s", "1j", "là"]
