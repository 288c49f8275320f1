"""Kills: the README's promises about movements when any part is killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
import uuid
from typing import TYPE_CHECKING, Final

from tests.faults.outside.chain import ROOT, wait_until

if TYPE_CHECKING:
    from tests.faults.outside.chain import Chain

__all__ = ["KILLS"]

_BRIDGE: Final = ROOT / ".venv" / "bin" / "opsci-bridge"


def _one(product: int, amount: int = 1) -> bytes:
    return b'{"id":%d,"amount":%d,"type":"IN"}' % (product, amount)


def redelivered_after_both_restarted(chain: Chain) -> str:
    """Redeliver 300 movements without id that an earlier engine acknowledged: each counts once."""
    product = chain.product(0)
    engine = chain.engine()
    chain.stop("kafka")
    took = chain.publish([_one(product)] * 300)
    time.sleep(1)
    os.kill(chain.pid("mosquitto"), signal.SIGUSR1)
    time.sleep(1)
    chain.start("kafka")
    wait_until(lambda: chain.stock(product) == took, 90, "all are applied")
    engine.end()
    engine = chain.engine()
    took += chain.publish([_one(product)])
    wait_until(lambda: chain.stock(product) == took, 60, "one more is applied")
    chain.kill("mosquitto")
    chain.start("mosquitto")
    wrong = chain.settles(product, took)
    engine.end()
    return wrong


def engine_killed_again_and_again(chain: Chain) -> str:
    """Kill the engine while movements without id arrive: each counts once."""
    product = chain.product(0)
    engine = chain.engine()
    took = 0

    def publish() -> None:
        nonlocal took
        for _ in range(80):
            took += chain.publish([_one(product)] * 50)
            time.sleep(0.1)

    publishing = threading.Thread(target=publish)
    publishing.start()
    while publishing.is_alive():
        time.sleep(random.uniform(0.05, 1.2))  # noqa: S311 - when to kill is no secret
        engine.end(signal.SIGKILL)
        engine = chain.engine()
    publishing.join()
    wrong = chain.settles(product, took)
    engine.end()
    return wrong


def kafka_and_strapi_killed(chain: Chain) -> str:
    """Kill Kafka and Strapi while movements without id arrive: each counts once."""
    product = chain.product(0)
    engine = chain.engine()
    took = 0

    def publish() -> None:
        nonlocal took
        for _ in range(30):
            took += chain.publish([_one(product)] * 50)
            time.sleep(0.3)

    publishing = threading.Thread(target=publish)
    publishing.start()
    for server in ("kafka", "strapi", "kafka", "strapi"):
        time.sleep(1.5)
        chain.kill(server)
        chain.start(server)
    publishing.join()
    wrong = chain.settles(product, took, 150)
    engine.end()
    return wrong


def broker_killed_under_send(chain: Chain) -> str:
    """Kill the broker in the middle of `opsci-bridge send`: each row counts once in the end."""
    product = chain.product(0)
    engine = chain.engine()
    file = chain.state / "rows.csv"
    file.write_text("id,amount,type\n" + f"{product},1,IN\n" * 2000)
    argv = [_BRIDGE, "send", "--config", chain.info["settings_file"], "--rate", "200", file]
    sending = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for _ in range(2):
        time.sleep(4)
        chain.kill("mosquitto")
        chain.start("mosquitto")
    said, _ = sending.communicate(timeout=400)
    wrong = chain.settles(product, 2000)
    engine.end()
    return f"{wrong}; send said: {said[-300:].decode()}" if wrong else ""


def resent_under_its_id(chain: Chain) -> str:
    """Send each movement three times under one id: each counts once."""
    product = chain.product(0)
    engine = chain.engine()
    names = [str(uuid.uuid4()) for _ in range(200)]
    for _ in range(3):
        chain.publish([_one(product)] * len(names), ids=names)
    wrong = chain.settles(product, len(names))
    engine.end()
    return wrong


def two_engines_in_one_group(chain: Chain) -> str:
    """Run a second engine with another client id: 50 movements without id still count once."""
    product = chain.product(0)
    first = chain.engine()
    second = chain.engine("--set", "mqtt.client_id=another-engine")
    took = chain.publish([_one(product)] * 50)
    wrong = chain.settles(product, took)
    first.end()
    second.end()
    if not wrong and "another-engine" not in (log := "".join(p.read_text() for p in chain.state.glob("engine-*.log"))):
        return f"nothing was said of it: {log[-200:]}"
    return wrong


def strapi_restored_from_a_backup(chain: Chain) -> str:
    """Restore an older backup of Strapi: the engine reports it, and a replay corrects the stock."""
    product = chain.product(0)
    engine = chain.engine()
    took = chain.publish([_one(product)] * 20)
    wait_until(lambda: chain.stock(product) == took, 60, "applied")
    folder = chain.state / "strapi"
    chain.stop("strapi")
    backup = chain.state / "backup"
    backup.mkdir()
    for file in folder.glob("data.db*"):
        shutil.copy2(file, backup)
    chain.start("strapi")
    took += chain.publish([_one(product)] * 30)
    wait_until(lambda: chain.stock(product) == took, 60, "applied")
    engine.end()
    chain.stop("strapi")
    for file in folder.glob("data.db*"):
        file.unlink()
    for file in backup.iterdir():
        shutil.copy2(file, folder)
    chain.start("strapi")
    engine = chain.engine()
    wait_until(lambda: "replay" in "".join(p.read_text() for p in chain.state.glob("engine-*.log")), 60, "it is said")
    argv = [_BRIDGE, "replay", "--config", chain.info["settings_file"], "--since", "2h"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    wrong = chain.settles(product, took)
    engine.end()
    return f"{wrong}; replay said {done.stdout[-300:]}{done.stderr[-300:]}" if wrong else ""


KILLS: Final = (
    redelivered_after_both_restarted,
    engine_killed_again_and_again,
    kafka_and_strapi_killed,
    broker_killed_under_send,
    resent_under_its_id,
    two_engines_in_one_group,
    strapi_restored_from_a_backup,
)
