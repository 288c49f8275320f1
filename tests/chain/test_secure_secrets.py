"""No password or token is shown anywhere: in a process list, a log, a record, a metric, an export or an error."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import stat
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from bridge.journal import Verdict
from bridge.mqtt.publisher import Publisher
from stack.run_state import RunState
from stack.secure.credentials import KAFKA_USERS, MQTT_USERS
from stack.servers.server import SERVERS
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.secured import make_product, secured
from tui.export import json_line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stack.local import LocalStack


def _secrets(stack: LocalStack) -> dict[str, str]:
    names = [*(f"mqtt-{user}" for user in MQTT_USERS), *(f"kafka-{user}" for user in KAFKA_USERS)]
    found = {name: stack.credentials.password_file(name).read_text().strip() for name in names}
    found |= {"bridge token": stack.bridge_token, "read token": stack.read_token}
    found["administrator"] = stack.paths.admin_password.read_text().strip()
    for key in stack.credentials.certificates.glob("*.key"):
        found[key.name] = key.read_text().splitlines()[1]
    assert all(len(secret) > 20 for secret in found.values())
    return found


def _shown(stack: LocalStack, text: str) -> set[str]:
    return {name for name, secret in _secrets(stack).items() if secret in text}


def _process_list() -> str:
    lines = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(command.read_text(errors="replace").replace("\0", " "))
    return "\n".join(lines)


@contextlib.asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        with said.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bridge", *arguments, stdout=output, stderr=output
            )
            try:
                yield process, said
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()


async def test_an_engine_at_work_shows_no_secret(secure_stack: LocalStack) -> None:
    product = await make_product(secure_stack, 5)
    client_id = secured(secure_stack).mqtt.client_id
    changed = ("--set", "log.level=debug", "--set", "watch.port=0", "--set", f"mqtt.client_id={client_id}")
    async with _process("run", "--config", str(secure_stack.settings_file), *changed) as (_, said):
        await until(lambda: "health and metrics on" in said.read_text(), 30, "it listens")
        address = re.search(r"health and metrics on (http://\S+)", said.read_text())
        assert address
        async with httpx.AsyncClient(base_url=address[1], trust_env=False) as client:

            async def asked() -> str:
                return "".join([(await client.get(path)).text for path in ("/healthz", "/readyz", "/metrics")])

            deadline = asyncio.get_running_loop().time() + 30
            while (await client.get("/readyz")).status_code != 200:
                assert asyncio.get_running_loop().time() < deadline, await asked()
            async with Publisher(secured(secure_stack).mqtt) as publisher:
                await publisher.publish("topic", b'{"id":%d,"amount":1,"type":"OUT"}' % product["id"])
                await publisher.publish("topic", b"not a movement")
            while 'verdict="applied"} 1' not in await asked():
                assert asyncio.get_running_loop().time() < deadline, await asked()
            assert _shown(secure_stack, await asked()) == set()
        listed = _process_list()
        assert str(secure_stack.settings_file) in listed
        assert _shown(secure_stack, listed) == set()
        log = said.read_text()
    assert "DEBUG" in log.upper()
    assert _shown(secure_stack, log) == set()


async def test_what_check_prints_shows_no_secret(secure_stack: LocalStack, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(_secrets(secure_stack)["kafka-admin"])
    (tmp_path / "secret").chmod(0o644)
    # As the engines of the other tests, which hold what is published.
    own = ("--set", f"mqtt.client_id={secured(secure_stack).mqtt.client_id}")
    for changed in ((), ("mqtt.password_file", "kafka.password_file", "strapi.token_file")):
        flags = [*own, *(part for name in changed for part in ("--set", f"{name}={tmp_path / 'secret'}"))]
        async with _process("check", "--config", str(secure_stack.settings_file), *flags) as (process, said):
            assert await asyncio.wait_for(process.wait(), 60) == (1 if changed else 0), said.read_text()
            assert ("FAILED" in said.read_text()) == bool(changed)
            warned = f"warning settings other users of this machine may read or change the file of {', '.join(changed)}"
            assert (warned in said.read_text()) == bool(changed)
            assert _shown(secure_stack, said.read_text()) == set()


async def test_records_exports_and_connections_show_no_secret(secure_stack: LocalStack) -> None:
    settings = secured(secure_stack)
    product = await make_product(secure_stack, 5)
    async with engine(settings) as chain:
        await chain.publish(b'{"id":%d,"amount":1,"type":"OUT"}' % product["id"])
        await chain.publish(b'{"id":%d,"amount":1000,"type":"OUT"}' % product["id"])
        journal = chain.journal
        await until(lambda: journal.verdicts[Verdict.APPLIED] == 1 and journal.errors.next >= 1)
        journeys = [
            ring.get(place) for ring in (journal.mqtt, journal.kafka, journal.strapi) for place in range(ring.next)
        ]
        letters = await chain.letters()
        exported = [json_line(journey) for journey in journeys if journey is not None]
        exported += [repr(letter) for letter in letters]
        assert len(exported) >= 4
        kept = [*exported, repr(journal.connections), repr(journal.notes), repr(chain.settings)]
    assert _shown(secure_stack, "\n".join(kept)) == set()


def test_no_server_is_told_more_than_it_needs(secure_stack: LocalStack) -> None:
    """Strapi alone has secrets in its environment, its own, which it takes from nowhere else."""
    servers = RunState.read(secure_stack.paths.record).servers
    assert set(servers) == set(SERVERS)
    for name, running in servers.items():
        environ = Path(f"/proc/{running.identity.pid}/environ").read_text().split("\0")
        told = {variable.partition("=")[0] for variable in environ if variable}
        # What the test's own process has, and what any terminal's may have.
        assert not told & {"PYTEST_VERSION", "PYTEST_CURRENT_TEST", "STRAPI_TOKEN", "HTTPS_PROXY"}, name
        assert _shown(secure_stack, "\n".join(environ)) == set()
        if name != "strapi":
            assert not [variable for variable in told if re.search("TOKEN|SECRET|PASSWORD|KEY", variable)], name


def test_only_files_of_their_owner_alone_hold_a_secret(secure_stack: LocalStack) -> None:
    secrets = {name: secret.encode() for name, secret in _secrets(secure_stack).items()}
    holding: dict[str, set[str]] = {}
    for folder, _, files in os.walk(secure_stack.paths.state):
        for file in map(Path(folder).joinpath, files):
            if file.is_file() and not file.is_symlink():
                content = file.read_bytes()
                if found := {name for name, secret in secrets.items() if secret in content}:
                    holding[str(file.relative_to(secure_stack.paths.state))] = found
                    assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    mine = {name for name in holding if not name.startswith("secure/")}
    # Java takes the broker's own password from nowhere else.
    assert mine == {"kafka/kafka.properties", "strapi/admin.password", "strapi/bridge.token", "strapi/read.token"}
    assert holding["kafka/kafka.properties"] == {"kafka-broker"}
    assert stat.S_IMODE(secure_stack.paths.credentials.stat().st_mode) == 0o700


async def test_the_web_page_is_for_who_knows_the_publishers_password(secure_stack: LocalStack) -> None:
    password = secure_stack.credentials.password_file("mqtt-publisher").read_text().strip()
    address = secure_stack.addresses.web
    assert address.startswith("https://")
    async with httpx.AsyncClient(base_url=address, verify=secure_stack.credentials.trust(), trust_env=False) as client:
        for path in ("/", "/config.json", "/products", "/app.js"):
            for given in (None, ("publisher", "wrong"), ("object", password), ("publisher", "")):
                answer = await client.get(path, auth=given)
                assert answer.status_code == 401
                assert "publisher" in answer.headers["www-authenticate"]
                assert _shown(secure_stack, answer.text) == set()
        told = (await client.get("/config.json", auth=("publisher", password))).json()
        assert (await client.get("/", auth=("publisher", password))).status_code == 200
        assert (await client.get("/products", auth=("publisher", password))).json()["data"] is not None
    assert told["mqtt"] == secure_stack.addresses.mqtt_ws
    assert (told["username"], told["password"]) == ("publisher", password)
