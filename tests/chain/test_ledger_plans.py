"""The ledger's statements as the databases execute them: one of each kind per batch, each using an index."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stack.ports import LOOPBACK
from tests.chain import postgres
from tests.chain.postgres import PostgresStack

if TYPE_CHECKING:
    from stack.local import LocalStack

PROGRAM = Path(__file__).with_name("ledger_plans.cjs")
TABLES = ("stock_movements", "stock_positions", "former_product_ids", "products")
LOCK = "pg_advisory_xact_lock"
READ_WHOLE = re.compile(rf"\bSCAN ({'|'.join(TABLES)})\b|Seq Scan on ({'|'.join(TABLES)})\b")
KINDS = [
    *("select stock_movements", "select products", "insert stock_movements", "update products"),
    *("select stock_positions", "update stock_positions", "delete stock_positions", "insert stock_positions"),
    *("select products", "select former_product_ids", "select products", "select products"),
]


def plans(stack: LocalStack, database: dict[str, object]) -> list[tuple[str, list[str]]]:
    application = stack.paths.state / "strapi" / "app"
    done = subprocess.run(
        ["node", PROGRAM, application, json.dumps(database)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [(one["sql"], one["plan"]) for one in json.loads(done.stdout)]


def check(found: list[tuple[str, list[str]]], kinds: list[str]) -> None:
    made = [f"{sql.split()[0].lower()} {next(name for name in (LOCK, *TABLES) if name in sql)}" for sql, _ in found]
    assert made == kinds, "a batch of two movements of two products makes one statement of each kind"
    for sql, plan in found:
        assert not any(READ_WHOLE.search(line) for line in plan), f"{sql}\n" + "\n".join(plan)


def test_sqlite_makes_one_statement_a_kind_and_reads_no_table_whole(stack: LocalStack) -> None:
    file = stack.paths.state / "strapi" / "data.db"
    database = {"client": "better-sqlite3", "connection": {"filename": str(file)}, "useNullAsDefault": True}
    check(plans(stack, database), KINDS)


def test_postgresql_makes_one_statement_a_kind_and_reads_no_table_whole(tmp_path: Path) -> None:
    with postgres.running() as server, PostgresStack(tmp_path, server) as made:
        where = {
            "host": LOOPBACK,
            "port": server.port,
            "database": "postgres",
            "user": "strapi",
            "password": server.password,
        }
        place = KINDS.index("select stock_positions")
        kinds = [*KINDS[:place], f"select {LOCK}", *KINDS[place:-1], f"select {LOCK}", KINDS[-1]]
        check(plans(made, {"client": "postgres", "connection": where}), kinds)


@pytest.mark.parametrize(
    "line", ["SCAN products", "SCAN stock_movements USING INDEX x", "  ->  Seq Scan on products  (cost=0.0)"]
)
def test_a_table_that_is_read_whole_would_be_seen(line: str) -> None:
    with pytest.raises(AssertionError, match="SELECT 1"):
        check([*((kind, []) for kind in KINDS[:-1]), (f"{KINDS[-1]}; SELECT 1", [line])], KINDS)


def test_the_intervals_of_offsets() -> None:
    done = subprocess.run(
        ["node", "--test", PROGRAM.with_name("intervals.test.cjs")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
