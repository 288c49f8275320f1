"""Access to Strapi: nobody without a token, in either profile; and with the panel, its administrator."""

from __future__ import annotations

import io
import json
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from stack import local
from stack import run as run_command
from stack.install import APPLICATION, install
from stack.local import LocalStack
from stack.paths import Paths
from stack.ports import random_ports
from stack.report import Report
from stack.status import USER, read_strangers, show_status
from tests.stack.strapi_doors import METHODS, Door, api_token_names, bearer, database, filled, is_own, routes_of_strapi

if TYPE_CHECKING:
    from collections.abc import Iterator

PROFILES = ["plain", "secure", "secure, its socket"]

_EVIL = ("https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1.evil.example:1883", "*")
_OURS = ("http://localhost:5173", "http://127.0.0.1:8000", "https://localhost", "http://[::1]:3000")


@pytest.fixture(scope="module")
def routes(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The filled-in paths of every route that Strapi has and our application does not serve."""
    programs = install(Paths.of(), Report(quiet=True), ["strapi"])
    found = routes_of_strapi(stack, programs, tmp_path_factory.mktemp("routes"))
    return sorted({filled(path) for path in found if not is_own(filled(path))})


@pytest.fixture
def door(request: pytest.FixtureRequest) -> Door:
    profile: str = request.param
    servers: LocalStack = request.getfixturevalue("stack" if profile == "plain" else "secure_stack")
    return Door.of(servers, unix=profile.endswith("socket"))


@pytest.mark.parametrize("door", PROFILES, indirect=True)
def test_what_the_chain_does_not_need_is_not_there(door: Door, routes: list[str]) -> None:
    known = {"/admin/register-admin", "/admin/login", "/content-manager/content-types", "/api/auth/local/register"}
    assert known < set(routes)
    assert {"/upload/files", "/content-type-builder/schema", "/users-permissions/roles", "/email/test"} < set(routes)
    assert len(routes) > 100
    answered = {(method, path, door.ask(method, path)[0]) for path in routes for method in METHODS}
    assert {found for found in answered if found[2] != 404} == set()


@pytest.mark.parametrize("door", PROFILES, indirect=True)
def test_no_other_way_of_writing_it_reaches_the_panel(door: Door) -> None:
    for path in (
        "/ADMIN/register-admin",
        "/admin/register-admin/",
        "/admin//register-admin",
        "//admin/register-admin",
        "/%61dmin/register-admin",
        "/admin%2fregister-admin",
        "/./admin/register-admin",
        "/api/../admin/register-admin",
        "/api/%2e%2e/admin/register-admin",
        "/admin;x/register-admin",
        "/admin/register-admin?x=/api/products",
        "http://localhost/admin/register-admin",
    ):
        for headers in (
            {},
            {"X-HTTP-Method-Override": "POST"},
            {"X-Original-URL": "/admin/init", "X-Rewrite-URL": "/"},
        ):
            for method in ("GET", "POST", "HEAD", "OPTIONS"):
                assert door.ask(method, path, headers=headers)[0] == 404, (method, path, headers)


@pytest.mark.parametrize("door", PROFILES, indirect=True)
def test_without_a_token_the_interface_does_nothing(door: Door) -> None:
    for path in (kind + rest for kind in ("products", "events", "readings", "stock-movements") for rest in ("", "/1")):
        for headers in ({}, bearer("x" * 128), bearer(""), {"Authorization": "Basic b3BzY2k6eA=="}):
            for method in ("GET", "HEAD"):
                assert door.ask(method, f"/api/{path}", headers=headers)[0] == 401
            for method in ("POST", "PUT", "DELETE", "PATCH"):
                assert door.ask(method, f"/api/{path}", headers=headers)[0] in {401, 404, 405}
    assert door.ask("POST", "/api/stock-movements/batch", {"movements": []})[0] == 401


@pytest.mark.parametrize("door", PROFILES, indirect=True)
def test_a_page_of_this_machine_may_read_and_no_other(door: Door) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    for path in ("/api/products", "/admin/register-admin", "/_health"):
        for origin in (*_EVIL, ""):
            for method, more in (("GET", {}), ("POST", {}), ("OPTIONS", asked)):
                given = {"Origin": origin} if origin else {}
                _, headers, _ = door.ask(method, path, headers={**given, **more})
                allowed = {name for name in headers if name.startswith("access-control-allow-")}
                # What is asked without an origin comes from no page.
                assert allowed <= (
                    set() if origin else {f"access-control-allow-{what}" for what in ("methods", "headers")}
                )
        for origin in _OURS:
            for method, more in (("GET", {}), ("OPTIONS", asked)):
                status, headers, _ = door.ask(method, path, headers={"Origin": origin, **more})
                assert headers["access-control-allow-origin"] == origin
                assert "access-control-allow-credentials" not in headers
                assert "origin" in headers["vary"].lower()
                if method == "OPTIONS":
                    assert status == 204
                    assert "authorization" in headers["access-control-allow-headers"].lower()


@pytest.fixture(scope="module")
def panel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A separate Strapi with the panel's routes; the page itself, a build of a minute, is not needed here."""
    page = tmp_path_factory.mktemp("panel")
    (page / "index.html").write_text("<!doctype html><title>the panel</title>")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "admin_panel", lambda *_: page)
        patch.setenv("CORS_ORIGIN", "https://shop.example, http://10.0.0.7:8000")
        state = tmp_path_factory.mktemp("state")
        with LocalStack(state, ports=random_ports(), servers=["strapi"], admin=True) as servers:
            yield servers


def _log_in(servers: LocalStack) -> dict[str, str]:
    password = servers.paths.admin_password.read_text().strip()
    status, _, found = Door.of(servers).ask("POST", "/admin/login", {"email": USER, "password": password})
    assert status == 200, found
    return bearer(found["data"]["token"])


_MALLORY = {"email": "mallory@evil.example", "firstname": "m", "lastname": "m", "password": "Passw0rd!"}


def test_the_administrator_is_there_before_anyone_can_come_first(
    panel: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    password = panel.paths.admin_password
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert len(password.read_text().strip()) == 32
    door = Door.of(panel)
    assert door.ask("POST", "/admin/register-admin", _MALLORY)[0] == 400
    assert door.ask("POST", "/admin/login", {"email": USER, "password": "wrong"})[0] == 400
    rights = _log_in(panel)
    assert door.ask("GET", "/admin/users/me", headers=rights)[2]["data"]["email"] == USER
    assert door.ask("POST", "/api/auth/local/register", _MALLORY)[0] in {404, 405}
    assert api_token_names(panel.paths) == {"opsci bridge", "opsci frontends"}
    show_status(panel.paths, as_json=False)
    said = capsys.readouterr().out
    assert f"{panel.addresses.strapi}/admin as {USER}, with the password in {password}" in said
    assert password.read_text().strip() not in said
    assert "warning" not in said
    show_status(panel.paths, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["strapi_admin_password_file"] == str(password)
    assert (found["strapi_admin_user"], found["strapi_admin_panel"], found["strapi_strangers"]) == (USER, True, [])


def test_the_origins_that_the_operator_names_may_read(panel: LocalStack) -> None:
    door = Door.of(panel)
    for origin in ("https://shop.example", "http://10.0.0.7:8000"):
        for path in ("/api/products", "/admin/init"):
            headers = door.ask("GET", path, headers={"Origin": origin})[1]
            assert headers["access-control-allow-origin"] == origin
            assert "access-control-allow-credentials" not in headers
    for origin in ("http://shop.example", "https://shop.example:8443", "https://a.shop.example", *_EVIL):
        assert "access-control-allow-origin" not in door.ask("GET", "/admin/init", headers={"Origin": origin})[1]


_NO_ORIGINS = ("*", "shop.example", "https://shop.example/", "https://SHOP.example", "null", "file:///", "javascript:0")

_READ = """
const { allowedOrigins } = require(process.argv[1]);
const refused = JSON.parse(process.argv[2]).filter((name) => {
  try { allowedOrigins([name]); return false; } catch (error) { return error.message.includes(JSON.stringify(name)); }
});
process.stdout.write(JSON.stringify(refused));
"""


def test_what_is_no_origin_is_refused_by_its_name() -> None:
    names = ["", "https://shop.example", *_NO_ORIGINS]
    file = APPLICATION / "src" / "access" / "origins.js"
    node = install(Paths.of(), Report(quiet=True), ["strapi"]).node
    done = subprocess.run([node, "-e", _READ, file, json.dumps(names)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == list(_NO_ORIGINS)


def test_the_runner_says_how_to_log_in_and_whom_strapi_lets_in(
    panel: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = io.StringIO()
    monkeypatch.setattr(panel, "start", lambda: False)
    monkeypatch.setattr(panel, "stop", lambda: None)
    monkeypatch.setattr(run_command, "_open_trial", lambda _: said.write("the trial\n") and 0)
    before = panel.paths.strangers.read_text()
    panel.paths.strangers.write_text('{"administrators": [{"name": "m@x", "since": "2026"}], "tokens": []}')
    try:
        assert run_command.run(panel.paths, Report(said), panel, config=None) == 0
    finally:
        panel.paths.strangers.write_text(before)
    first, _, last = said.getvalue().partition("the trial")
    assert f"{panel.addresses.strapi}/admin as {USER}, with the password in {panel.paths.admin_password}" in first
    assert panel.paths.admin_password.read_text().strip() not in said.getvalue()
    # What was said before would be off the screen by now.
    assert "warning: Strapi lets in the administrator 'm@x' since 2026" in last


def test_someone_who_took_over_an_old_installation_is_told_and_the_owner_gets_in(
    panel: LocalStack, capsys: pytest.CaptureFixture[str]
) -> None:
    door, rights = Door.of(panel), _log_in(panel)
    roles = door.ask("GET", "/admin/roles", headers=rights)[2]["data"]
    top = next(role["id"] for role in roles if role["code"] == "strapi-super-admin")
    invited = {key: _MALLORY[key] for key in ("email", "firstname", "lastname")} | {"roles": [top]}
    made = door.ask("POST", "/admin/users", invited, rights)[2]["data"]
    info = {key: _MALLORY[key] for key in ("firstname", "lastname", "password")}
    taken = {"registrationToken": made["registrationToken"], "userInfo": info}
    assert door.ask("POST", "/admin/register", taken)[0] == 200
    key = {"name": "m\x1b[2J", "description": "", "type": "full-access", "lifespan": None}
    assert door.ask("POST", "/admin/api-tokens", key, rights)[0] == 201
    public = next(
        role
        for role in door.ask("GET", "/users-permissions/roles", headers=rights)[2]["roles"]
        if role["type"] == "public"
    )
    panel.stop_server("strapi")
    with database(panel.paths) as connection:
        connection.execute("DELETE FROM admin_users WHERE email = ?", (USER,))
        connection.execute("INSERT INTO up_permissions (action) VALUES ('api::product.product.find')")
        connection.execute(
            "INSERT INTO up_permissions_role_lnk (permission_id, role_id) SELECT max(id), ? FROM up_permissions",
            (public["id"],),
        )
    panel.paths.admin_password.unlink()
    panel.start_server("strapi")
    rights = _log_in(panel)
    door = Door.of(panel)
    assert door.ask("GET", "/api/products")[0] == 401
    assert door.ask("GET", "/api/products", headers=bearer(panel.read_token))[0] == 200
    show_status(panel.paths, as_json=True)
    strangers = json.loads(capsys.readouterr().out)["strapi_strangers"]
    assert [(one["kind"], one["name"]) for one in strangers] == [
        ("administrator", _MALLORY["email"]),
        ("API token", "m\x1b[2J"),
    ]
    show_status(panel.paths, as_json=False)
    said = capsys.readouterr().out
    assert f"warning    Strapi lets in the administrator '{_MALLORY['email']}'" in said
    assert "\x1b" not in said
    assert "run --admin" in said
    assert _MALLORY["email"] in panel.paths.log("strapi").read_text()
    # Her own tokens stay until the owner removes them: they may be the owner's.
    assert "m\x1b[2J" in api_token_names(panel.paths)


def test_an_installation_that_no_one_took_yet_is_closed_at_its_next_start(panel: LocalStack) -> None:
    password = panel.paths.admin_password.read_text()
    panel.stop_server("strapi")
    with database(panel.paths) as connection:
        connection.execute("DELETE FROM admin_users")
        connection.execute("DELETE FROM strapi_api_tokens")
    panel.start_server("strapi")
    # Strapi made its two tokens, as it does where there is neither a user nor a token.
    assert api_token_names(panel.paths) == {"opsci bridge", "opsci frontends"}
    assert panel.paths.admin_password.read_text() == password
    door = Door.of(panel)
    assert door.ask("POST", "/admin/register-admin", _MALLORY)[0] == 400
    _log_in(panel)


def test_the_password_in_the_file_counts_and_tokens_in_use_stay(panel: LocalStack) -> None:
    strapis = "A default API token with {} permissions, as Strapi describes it"
    panel.stop_server("strapi")
    panel.paths.admin_password.write_text("my own Passw0rd\n")
    with database(panel.paths) as connection:
        connection.execute("UPDATE admin_users SET is_active = 0, blocked = 1")
        connection.executemany(
            "INSERT INTO strapi_api_tokens (name, type, description, last_used_at) VALUES (?, ?, ?, ?)",
            [
                ("Full Access", "full-access", strapis.format("full access"), 1_790_000_000_000),
                ("Read Only", "read-only", strapis.format("read-only"), None),
                ("a shop's", "read-only", strapis.format("read-only"), None),
            ],
        )
    panel.start_server("strapi")
    _log_in(panel)
    mine = {"Full Access", "a shop's"}
    assert api_token_names(panel.paths) == {"opsci bridge", "opsci frontends", *mine}
    assert {stranger.name for stranger in read_strangers(panel.paths.strangers)} >= mine


def test_a_password_can_be_guessed_five_times_only(panel: LocalStack) -> None:
    """From whatever address of this machine, and for whomever."""
    statuses = []
    for attempt in range(8):
        door = Door.of(panel, source=f"127.0.0.{attempt + 1}")
        guess = {"email": USER if attempt % 2 else f"{attempt}@opsci.invalid", "password": f"guess {attempt}"}
        path = ("/admin/login", "/ADMIN/login", "/admin/login/")[attempt % 3]
        statuses.append(door.ask("POST", path, guess)[0])
    assert set(statuses) == {400, 429}
    assert statuses[5:] == [429, 429, 429]
