"""The ledger's statements as the databases run them: one a kind and a batch, and each by an index."""

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
READ_WHOLE = re.compile(r"\bSCAN (products|stock_movements)\b|Seq Scan on (products|stock_movements)\b")
KINDS = ["select stock_movements", "select products", "insert stock_movements", "update products"]


def plans(stack: LocalStack, database: dict[str, object]) -> list[tuple[str, list[str]]]:
    application = stack.places.state / "strapi" / "app"
    done = subprocess.run(
        ["node", PROGRAM, application, json.dumps(database)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [(one["sql"], one["plan"]) for one in json.loads(done.stdout)]


def check(found: list[tuple[str, list[str]]]) -> None:
    kinds = [
        f"{sql.split()[0].lower()} {'stock_movements' if 'stock_movements' in sql else 'products'}" for sql, _ in found
    ]
    assert kinds == KINDS, "a batch of two movements of two products makes one statement of each kind"
    for sql, plan in found:
        assert not any(READ_WHOLE.search(line) for line in plan), f"{sql}\n" + "\n".join(plan)


def test_sqlite_makes_one_statement_a_kind_and_reads_no_table_whole(stack: LocalStack) -> None:
    file = stack.places.state / "strapi" / "data.db"
    check(plans(stack, {"client": "better-sqlite3", "connection": {"filename": str(file)}, "useNullAsDefault": True}))


def test_postgresql_makes_one_statement_a_kind_and_reads_no_table_whole(tmp_path: Path) -> None:
    with postgres.running() as server, PostgresStack(tmp_path, server) as made:
        where = {
            "host": LOOPBACK,
            "port": server.port,
            "database": "postgres",
            "user": "strapi",
            "password": server.password,
        }
        check(plans(made, {"client": "postgres", "connection": where}))


@pytest.mark.parametrize(
    "line", ["SCAN products", "SCAN stock_movements USING INDEX x", "  ->  Seq Scan on products  (cost=0.0)"]
)
def test_a_table_that_is_read_whole_would_be_seen(line: str) -> None:
    with pytest.raises(AssertionError, match="SELECT 1"):
        check(
            [
                ("select stock_movements", []),
                ("select products", []),
                ("insert stock_movements", []),
                ("update products; SELECT 1", [line]),
            ]
        )
