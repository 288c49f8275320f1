"""The command line passes the arguments after `faults` on unchanged, and no other command accepts unknown flags."""

from __future__ import annotations

import pytest

from stack.command import parse


def test_flags_after_faults_are_handed_on() -> None:
    given = ["--minutes", "30", "--seed", "1", "--json", "account.json"]
    assert parse(["faults", *given]).others == given
    assert parse(["faults", "--help"]).others == ["--help"]


def test_other_commands_refuse_what_they_do_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse(["down", "--seed", "1"])
    assert left.value.code == 2
    assert "--seed" in capsys.readouterr().err
