"""Runs every attack on its own plain, secured and `--lan` chains, prints a line for each, and writes SECURITY.md."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.local import LocalStack
from stack.ports import random_ports
from tests.faults.attacks import (
    browser,
    exports,
    files,
    kafka,
    lan,
    memory,
    mqtt,
    pages,
    processes,
    strapi,
    websockets,
)
from tests.faults.attacks.attack import ATTACKS, Outcome
from tests.faults.attacks.page import write_page
from tests.faults.attacks.target import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.faults.attacks.attack import Attack

__all__ = ["MODULES", "Tried", "attack_all", "chosen", "try_attack"]

MODULES: Final = (strapi, websockets, pages, browser, mqtt, processes, files, exports, kafka, memory, lan)
"""Each enters its attacks; those that fill memory come last on their chain."""


@dataclass(frozen=True)
class Tried:
    """An attack that was tried.

    Attributes:
        attack: the attack.
        profile: the servers' profile.
        outcome: the outcome.
        seconds: the duration.
    """

    attack: Attack
    profile: str
    outcome: Outcome
    seconds: float


def chosen(only: Sequence[str], profiles: Sequence[str]) -> list[tuple[Attack, str]]:
    """Return the attacks to try, each with a profile, in order.

    Args:
        only: ids, targets or prefixes of ids; empty for all.
        profiles: of PROFILES.
    """
    order = [module.__name__.rpartition(".")[2] for module in MODULES]
    known = sorted(ATTACKS.values(), key=lambda one: order.index(one.target))
    wanted = [one for one in known if not only or any(_means(name, one) for name in only)]
    return [(one, profile) for profile in profiles for one in wanted if profile in one.profiles]


def attack_all(only: Sequence[str], profiles: Sequence[str], say: Callable[[str], None], *, write: bool) -> int:
    """Run attacks; the page is written if all attacks of the profiles were run.

    Args:
        only: ids, targets or prefixes of ids; empty for all.
        profiles: of PROFILES.
        say: called with each line of progress.
        write: write the page even after only some attacks.

    Returns:
        0, or 1 if one succeeded or failed to run.
    """
    tries = chosen(only, profiles)
    if not tries:
        say(f"there is no such attack: these are {', '.join(ATTACKS)}")
        return 1
    tried: list[Tried] = []
    for profile in dict.fromkeys(on for _, on in tries):
        with tempfile.TemporaryDirectory(prefix="opsci-attacks-") as folder:
            tried += _attack_one([one for one, on in tries if on == profile], profile, Path(folder), say)
    good = sum(one.outcome.is_good for one in tried)
    say(f"{good} of {len(tried)} held")
    for one in tried:
        if not one.outcome.is_good:
            say(f"{one.outcome.word}: {one.attack.identity} ({one.profile}): {one.outcome.seen}")
    if write or not only:
        say(f"written: {write_page(tried)}")
    return 0 if good == len(tried) else 1


def _attack_one(attacks: list[Attack], profile: str, folder: Path, say: Callable[[str], None]) -> list[Tried]:
    say(f"the {profile} servers start")
    state = folder / "state"
    with LocalStack(state, ports=random_ports(), secure=profile == "secured", lan=profile == "lan") as stack:
        target = Target(profile, stack, folder)
        try:
            return asyncio.run(_each(target, attacks, say))
        finally:
            target.stop()
            if kept := os.environ.get("OPSCI_ATTACK_LOGS"):
                for log in (*folder.glob("*.log"), *(state / "logs").glob("*.log")):
                    with contextlib.suppress(OSError):
                        (Path(kept) / f"{profile}-{log.name}").write_bytes(log.read_bytes())


async def _each(target: Target, attacks: list[Attack], say: Callable[[str], None]) -> list[Tried]:
    tried = []
    for one in attacks:
        begun = time.monotonic()
        outcome = await try_attack(one, target)
        tried.append(Tried(one, target.profile, outcome, round(time.monotonic() - begun, 1)))
        say(f"{outcome.word:<12}{target.profile:<9}{one.identity:<36}{outcome.seen}")
    return tried


async def try_attack(one: Attack, target: Target) -> Outcome:
    """Run one attack; an exception is an outcome too, as an attack that did not run proves nothing."""
    try:
        async with asyncio.timeout(one.seconds):
            return await one.attempt(target)
    except TimeoutError as error:
        return Outcome("FAILED", f"the attack was not over after {one.seconds:.0f} s ({error})")
    except Exception as error:
        return Outcome("FAILED", f"the attack broke off: {type(error).__name__}: {error}")


def _means(name: str, one: Attack) -> bool:
    return name in {one.identity, one.target} or one.identity.startswith(name)
