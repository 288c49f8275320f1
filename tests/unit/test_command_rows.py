"""CSV files: recognised by their header, each row converted to the message of the course's producers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.command.rows import BadRow, Layout, Row, UnknownFileError, read_rows, recognise
from bridge.command.send import Sending, send, topic_for
from bridge.errors import SettingsError
from bridge.route import Route, RouteKind
from bridge.settings import Settings

DATA = Path(__file__).parents[1] / "data"


def rows(text: str) -> list[Row | BadRow]:
    lines = io.StringIO(text, newline="")
    return list(read_rows(recognise(lines.readline()), lines))


@pytest.mark.parametrize(
    ("header", "does", "delimiter"),
    [
        ("id,amount,type\r\n", RouteKind.MOVEMENT, ","),
        ("Type; Amount ;ID", RouteKind.MOVEMENT, ";"),
        ("id\tamount\ttype\tnote", RouteKind.MOVEMENT, "\t"),
        ("name,description,stock_available,barcode,status", RouteKind.PRODUCT, ","),
        ("value;metadata", RouteKind.EVENT, ";"),
    ],
)
def test_files_are_recognised_by_their_header(header: str, does: RouteKind, delimiter: str) -> None:
    assert recognise(header)[:2] == (does, delimiter)


@pytest.mark.parametrize("header", ["", "38,40,OUT", "id,amount", "id,amount,type,type", '"'])
def test_another_header_is_told_with_those_that_are_known(header: str) -> None:
    with pytest.raises(UnknownFileError, match=r"line 1: .*id, amount, type \(movements\)"):
        recognise(header)


def test_a_movement_is_sent_as_it_stands() -> None:
    assert rows("id,amount,type\n38,40,OUT\n0417620608,0,IN\nabc,-5,moved\n,,\n") == [
        Row(2, b'{"id":38,"amount":40,"type":"OUT"}'),
        Row(3, b'{"id":"0417620608","amount":0,"type":"IN"}'),
        Row(4, b'{"id":"abc","amount":-5,"type":"moved"}'),
        Row(5, b'{"id":"","amount":"","type":""}'),
    ]


def test_an_event_keeps_its_metadata_as_text() -> None:
    assert rows('value;metadata\nhello, you;{"firewall":"COM"}\n') == [
        Row(2, b'{"value":"hello, you","metadata":"{\\"firewall\\":\\"COM\\"}"}')
    ]


def test_a_bad_row_is_told_with_its_line_and_stops_no_other() -> None:
    text = 'id,amount,type\n1,1,IN\n\n2,2\n"3\n",3,IN\n4,4,IN,x\n\udcff,1,IN\n5,5,OUT\n'
    found = rows(text)
    assert [row.line for row in found] == [2, 4, 5, 7, 8, 9]
    assert [row.why for row in found if isinstance(row, BadRow)] == [
        "it has 2 cells; the header has 3",
        "it has 4 cells; the header has 3",
        "it is not UTF-8",
    ]


def test_a_cell_beyond_the_limit_of_the_csv_reader_is_a_bad_row() -> None:
    found = rows(f"id,amount,type\n{'x' * (csv.field_size_limit() + 1)},1,IN\n5,5,OUT\n")
    assert isinstance(found[0], BadRow)
    assert found[-1] == Row(3, b'{"id":5,"amount":5,"type":"OUT"}')


@pytest.mark.parametrize(
    ("name", "does", "count"),
    [("stocks", RouteKind.MOVEMENT, 2000), ("products", RouteKind.PRODUCT, 200), ("events", RouteKind.EVENT, 200)],
)
def test_the_courses_own_files_are_read_whole(name: str, does: RouteKind, count: int) -> None:
    text = (DATA / f"{name}.csv").read_text(encoding="utf-8")
    assert recognise(text.splitlines()[0]).does is does
    found = rows(text)
    assert len(found) == count
    assert all(isinstance(row, Row) for row in found)


@given(st.lists(st.tuples(*[st.text(st.characters(exclude_categories=["Cs"]), max_size=12)] * 3), max_size=8))
def test_any_cells_that_a_csv_writer_wrote_come_back(cells: list[tuple[str, str, str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(cells)
    layout = Layout(RouteKind.EVENT, ",", ("value", "metadata", "more"))
    found = list(read_rows(layout, io.StringIO(written.getvalue(), newline="")))
    read = [tuple(json.loads(row.payload).values()) for row in found if isinstance(row, Row)]
    assert read == cells


def test_topics_come_from_the_settings() -> None:
    assert topic_for(Settings(), RouteKind.MOVEMENT) == "topic"
    assert topic_for(Settings(), RouteKind.PRODUCT) == "product"
    routes = [
        Route("$share/g/shop/event/#", "event", RouteKind.EVENT),
        Route("shop/+/product", "product", RouteKind.PRODUCT),
    ]
    assert topic_for(Settings(routes=routes), RouteKind.EVENT) == "shop/event"
    with pytest.raises(SettingsError, match="--topic"):
        topic_for(Settings(routes=routes), RouteKind.PRODUCT)


def test_a_dry_run_tells_and_sends_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "with-bom.csv"
    file.write_bytes(b"\xef\xbb\xbfid,amount,type\r\n1,2,IN\r\n3\r\n")
    assert send(Settings(), Sending(file, dry_run=True)) == 1
    told = capsys.readouterr()
    assert told.out.splitlines() == [
        'line 2: {"id":1,"amount":2,"type":"IN"}',
        "1 movements would go to the MQTT topic 'topic'; 1 are no rows",
    ]
    assert told.err == "line 3: it has 1 cells; the header has 3\n"


def test_a_topic_with_wildcards_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("id,amount,type\n1,2,IN\n")
    with pytest.raises(SettingsError, match="'a/#' is no topic to publish on"):
        send(Settings(), Sending(file, topic="a/#"))
