"""The registry of actions: what the user can do on the screen, with the key and the texts of each action.

Everything that names a key reads it here: the bindings of widgets and screens, the footer, the help, the command
palette, the ids that `screen.keys` takes, and the README's table (`python -m tests.tui.key_table`). A widget declares
`BINDINGS = bindings("log")` and has an `action_...` method for each action of that scope.

Texts are in English here and are translated where they are shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from textual.binding import Binding, BindingType

from tui.language import msgid, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ACTIONS", "HELP", "KEY_SIGNS", "Action", "What", "bindings", "give_keys", "given_keys", "key_cap", "key_of"]

_PANES: Final = msgid("Panes")
_PAGES: Final = msgid("Pages")
_ON_A_PRODUCT: Final = msgid("On a product")

HELP: Final[Mapping[str, Sequence[tuple[str, Sequence[str]]]]] = {
    "main": (
        (msgid("Everywhere"), ("main",)),
        (msgid("In a pane"), ("table", "sorted")),
        (msgid("MQTT and Kafka"), ("log",)),
        (msgid("Stock"), ("stock_pane",)),
        (msgid("While an amount is typed on rows"), ("amount_field", "amount")),
        (msgid("Form"), ("movement_field", "form")),
        (msgid("Refused movements"), ("letters_table", "letters")),
        (msgid("While a filter is typed"), ("filter_field",)),
        (msgid("While something is looked for"), ("find_field",)),
        (msgid("In a record's window"), ("record",)),
        (msgid("In a product's window"), ("product",)),
        (msgid("In the window of the servers"), ("infrastructure",)),
        (msgid("In the charts"), ("charts",)),
        (msgid("During the guided tour"), ("tour",)),
    ),
    "letters": (
        (msgid("Refused movements"), ("letters_table", "letters")),
        (msgid("In the table"), ("table", "sorted")),
    ),
    "settings": (
        (msgid("Settings"), ("settings_list", "settings")),
        (msgid("While a setting is changed"), ("setting", "setting_switch")),
        (msgid("While settings are tried"), ("trial",)),
    ),
}
"""The help headings of each screen that has help, with the scopes under each. The application's own follow them."""

KEY_SIGNS: Final[Mapping[str, str]] = {
    "slash": "/",
    "question_mark": "?",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "escape": msgid("Esc"),
    "pageup": msgid("PgUp"),
    "pagedown": msgid("PgDn"),
    "enter": msgid("Enter"),
    "space": msgid("Space"),
    "home": msgid("Home"),
    "end": msgid("End"),
    "delete": msgid("Del"),
    "backspace": "⌫",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "tab": msgid("Tab"),
    "shift+tab": msgid("Shift+Tab"),
}
"""The printed label of a key, by Textual's name for the key; words are translated where they are shown."""


class Action(NamedTuple):
    """Something the user can do in one scope.

    Attributes:
        id: the name in `screen.keys` and in tests; never translated.
        keys: Textual's key names, separated by commas; empty for an action that only the palette offers.
        call: Textual's action: `pane(1)` calls `action_pane(1)` of the widget that has the scope.
        title: a word for the footer.
        help: a sentence for the help, the palette and the README; empty if the title suffices.
        show: whether the footer shows it.
        display: the key label in the footer; None for Textual's own label.
        priority: whether it takes precedence over the focused widget.
        group: the footer text for it together with its neighbours; empty if it is shown alone.
        palette: whether the command palette offers it.
    """

    id: str
    keys: str
    call: str
    title: str
    help: str = ""
    show: bool = True
    display: str | None = None
    priority: bool = False
    group: str = ""
    palette: bool = False


What: TypeAlias = Literal["copy", "command", "export", "export_all", "fill"]
"""What can be done with a record, wherever one is shown."""

_RECORD: Final = (
    Action("record.copy", "c", "want('copy')", msgid("Copy"), msgid("Copy the payload"), show=False),
    Action(
        "record.command",
        "C",
        "want('command')",
        msgid("Command"),
        msgid("Copy the mosquitto_pub or kcat command that repeats the record as a new movement"),
        show=False,
    ),
    Action(
        "record.export",
        "e",
        "want('export')",
        msgid("Export"),
        msgid("Write the record into a file as JSON"),
        show=False,
    ),
    Action(
        "record.export_all",
        "E",
        "want('export_all')",
        msgid("Export all"),
        msgid("Write all records that the pane shows into a file, one JSON object a line"),
        show=False,
    ),
    Action("record.fill", "r", "want('fill')", msgid("Repeat"), msgid("Put the movement into the form"), show=False),
)


ACTIONS: Final[Mapping[str, Sequence[Action]]] = {
    "app": (
        Action(
            "settings.open",
            "s",
            "settings",
            msgid("Settings"),
            msgid("Look at every setting, change it"),
            show=False,
            palette=True,
        ),
        Action(
            "record",
            "f9",
            "record",
            msgid("Film"),
            msgid("Record this session into your videos folder; again ends it and shows the command that makes a film"),
            show=False,
            priority=True,
            palette=True,
        ),
        Action(
            "still",
            "f8",
            "still",
            msgid("Picture"),
            msgid("Keep the screen as SVG in your pictures folder"),
            show=False,
            palette=True,
        ),
        Action("suspend", "ctrl+z", "suspend_process", msgid("Suspend"), show=False),
        Action("quit.anywhere", "ctrl+q", "quit", msgid("Quit"), show=False, priority=True),
        Action(
            "tour",
            "T",
            "tour",
            msgid("Tour"),
            msgid("A guided tour of a minute on this chain; it leaves everything as it was"),
            show=False,
            palette=True,
        ),
        Action(
            "web.open",
            "",
            "open_web",
            msgid("Open the web page"),
            msgid("Change stock in a browser: {web}"),
            palette=True,
        ),
        Action(
            "web.code",
            "w",
            "web_code",
            msgid("Phones"),
            msgid("The web page for phones, as a QR code; or how to open it to them"),
            show=False,
            palette=True,
        ),
        Action(
            "apply.missing",
            "",
            "apply_missing",
            msgid("Apply what Strapi lacks"),
            msgid("After a restored backup: what Kafka still has, and the ledger has not seen; each counts once"),
            palette=True,
        ),
        Action(
            "counters.reset",
            "",
            "reset_counters",
            msgid("Reset counters"),
            msgid("For the next lesson: counts to zero, refused movements archived; stock and records stay"),
            palette=True,
        ),
        Action(
            "apply.pause",
            "",
            "pause_apply",
            msgid("Pause applying"),
            msgid("Movements wait in Kafka; the stock stands still"),
            palette=True,
        ),
        Action(
            "apply.resume",
            "",
            "resume_apply",
            msgid("Resume applying"),
            msgid("Go on changing the stock"),
            palette=True,
        ),
        Action(
            "ingest.pause",
            "",
            "pause_ingest",
            msgid("Pause ingest"),
            msgid("Messages wait at the MQTT broker"),
            palette=True,
        ),
        Action(
            "ingest.resume",
            "",
            "resume_ingest",
            msgid("Resume ingest"),
            msgid("Go on taking messages from the MQTT broker"),
            palette=True,
        ),
    ),
    # With priority: the focus has to move before the next typed key is dispatched.
    "main": (
        Action("focus.mqtt", "1", "pane(1)", msgid("MQTT"), msgid("Go to the messages"), priority=True, group=_PANES),
        Action("focus.kafka", "2", "pane(2)", msgid("Kafka"), msgid("Go to the records"), priority=True, group=_PANES),
        Action("focus.stock", "3", "pane(3)", msgid("Stock"), msgid("Go to the stock"), priority=True, group=_PANES),
        Action("focus.form", "4", "form", msgid("Form"), msgid("Go to the form"), priority=True, group=_PANES),
        Action(
            "pane.filter",
            "slash",
            "filter",
            msgid("Filter"),
            msgid("Show only what matches"),
            display="/",
            priority=True,
        ),
        Action(
            "letters.open", "d", "letters", msgid("Refused"), msgid("The refused movements: modify, send again, drop")
        ),
        Action(
            "view",
            "v",
            "view",
            msgid("View"),
            msgid("The next view: three panes, one table of movements, large for a projector; it is remembered"),
        ),
        Action(
            "pane.zoom", "z", "zoom", msgid("Zoom"), msgid("Give one pane the room of all three, and back"), show=False
        ),
        Action(
            "pane.wider", "right_square_bracket", "size(1)", msgid("Wider"), msgid("Make the pane wider"), show=False
        ),
        Action(
            "pane.narrower", "left_square_bracket", "size(-1)", msgid("Narrower"), msgid("Make it narrower"), show=False
        ),
        Action(
            "find",
            "ctrl+f",
            "find",
            msgid("Find"),
            msgid("Find a movement by id, product or offset (p3@128) in all panes"),
            show=False,
            priority=True,
        ),
        Action(
            "simulate",
            "ctrl+g",
            "simulate",
            msgid("Sensors"),
            msgid("Let simulated objects send movements, or stop them"),
            show=False,
            priority=True,
        ),
        Action("sensors", "a", "simulate", msgid("Sensors"), msgid("The same, where no text is typed")),
        Action(
            "presets",
            "p",
            "presets",
            msgid("Presets"),
            msgid("Choose a preset, or one of the movements sent last, and send it"),
            show=False,
        ),
        Action(
            "preset.save_last",
            "P",
            "save_preset",
            msgid("Save as preset"),
            msgid("Save the movement sent last as a preset"),
            show=False,
        ),
        Action(
            "charts",
            "l",
            "charts",
            msgid("Charts"),
            msgid("Rate, waiting and latency of each hop over the last ten minutes, with p50, p95 and p99"),
            show=False,
            palette=True,
        ),
        Action(
            "infrastructure",
            "i",
            "infrastructure",
            msgid("Servers"),
            msgid("What each server says of itself: partitions, members, clients, rights"),
            show=False,
            palette=True,
        ),
        Action(
            "watch.take_over",
            "W",
            "take_over",
            msgid("Take over"),
            msgid("While this screen only watches: carry the chain from here; asks first"),
        ),
        Action("pane.times", "t", "times", msgid("Time"), msgid("Times as ages, or as the time of day"), show=False),
        Action("focus.next", "tab", "next_place(1)", msgid("Next"), msgid("Go to the next pane or field"), show=False),
        Action("focus.previous", "shift+tab", "next_place(-1)", msgid("Previous"), msgid("Go back by one"), show=False),
        Action("close", "escape", "close", msgid("Close"), msgid("Close or leave the innermost thing"), show=False),
        Action("help", "question_mark,f1", "help", msgid("Help"), msgid("Every key and every sign"), display="?"),
        Action(
            "quit",
            "q",
            "app.quit",
            msgid("Quit"),
            msgid("Quit; asks first where that would stop servers"),
        ),
    ),
    "table": (
        Action("record.open", "enter", "open", msgid("Open"), msgid("Every field of the record, and its way")),
        Action("record.up", "up,k", "move(-1)", msgid("Up"), show=False),
        Action("record.down", "down,j", "move(1)", msgid("Down"), show=False),
        Action("record.page_up", "pageup,ctrl+b", "page(-1)", msgid("Page up"), show=False),
        Action("record.page_down", "pagedown", "page(1)", msgid("Page down"), show=False),
        Action("record.half_page_up", "ctrl+u", "page(-1, 2)", msgid("Half a page up"), show=False),
        Action("record.half_page_down", "ctrl+d", "page(1, 2)", msgid("Half a page down"), show=False),
        Action("record.first", "home,g", "first", msgid("First"), show=False),
        Action("record.last", "end,G", "last", msgid("Last"), show=False),
        Action(
            "pane.next_match",
            "n",
            "seek(1)",
            msgid("Next"),
            msgid("The next record below that matches the last filter, also after it was closed"),
            show=False,
        ),
        Action(
            "pane.previous_match", "N", "seek(-1)", msgid("Previous"), msgid("The one before it, above"), show=False
        ),
        *_RECORD,
    ),
    "log": (
        Action("pane.follow", "f,end,G", "last", msgid("Follow"), msgid("Go on with the latest records"), display="f"),
        Action("pane.pause", "h", "pause", msgid("Hold"), msgid("Hold the display; recording goes on"), show=False),
        Action(
            "pane.mark",
            "space",
            "mark",
            msgid("Mark"),
            msgid("Rule a line under the record, and count what comes after; again takes it away"),
            display=msgid("space"),
            show=False,
        ),
        Action(
            "pane.clear",
            "ctrl+l",
            "clear",
            msgid("Clear"),
            msgid("Clear the display; the journal keeps the records"),
            show=False,
        ),
    ),
    # With priority: the line has to be focused before the digits typed after the sign are dispatched.
    "stock_pane": (
        Action(
            "stock.add",
            "plus",
            "ask('+')",
            msgid("Add"),
            msgid("Put in: 1, or the number typed after it"),
            display="+",
            priority=True,
            group=_ON_A_PRODUCT,
        ),
        Action(
            "stock.take",
            "minus",
            "ask('-')",
            msgid("Take"),
            msgid("Take out: 1, or the number typed after it"),
            display="-",
            priority=True,
            group=_ON_A_PRODUCT,
        ),
        Action(
            "stock.set",
            "equals_sign",
            "ask('=')",
            msgid("Set"),
            msgid("Set the stock to a value; the change is shown before it goes"),
            display="=",
            priority=True,
            group=_ON_A_PRODUCT,
        ),
        Action(
            "stock.undo",
            "u",
            "undo",
            msgid("Undo"),
            msgid("Take back what was applied last; again goes further back"),
            priority=True,
        ),
        Action(
            "stock.mark",
            "space",
            "mark",
            msgid("Mark"),
            msgid("Mark rows that one amount shall move"),
            display=msgid("space"),
            priority=True,
        ),
        Action(
            "stock.unmark", "escape", "unmark", msgid("Unmark"), msgid("Forget the marks"), show=False, priority=True
        ),
    ),
    "sorted": (
        Action(
            "pane.sort", "greater_than_sign", "sort(1)", msgid("Sort"), msgid("Sort by the next column"), show=False
        ),
        Action(
            "pane.sort_back", "less_than_sign", "sort(-1)", msgid("Sort"), msgid("Sort by the one before"), show=False
        ),
        Action("pane.turn", "o", "turn", msgid("Order"), msgid("Turn the order around"), show=False),
    ),
    "amount_field": (
        Action("amount.send", "enter", "submit", msgid("Send"), msgid("Send it; a sign alone moves one piece")),
    ),
    "amount": (
        Action("amount.drop", "escape", "drop", msgid("Drop"), msgid("Send nothing")),
        Action("amount.further", "u", "further", msgid("Undo"), msgid("Undo the one before instead")),
        Action("amount.earlier", "up", "recall(-1)", msgid("Earlier"), msgid("The amount sent before"), show=False),
        Action("amount.later", "down", "recall(1)", msgid("Later"), msgid("The amount sent after"), show=False),
    ),
    "movement_field": (Action("form.send", "enter", "submit", msgid("Send"), msgid("Publish the movement to MQTT")),),
    "form": (
        Action(
            "form.previous",
            "up",
            "suggest(-1)",
            msgid("Previous"),
            msgid("Mark the product above, else bring back the movement sent before"),
            show=False,
        ),
        Action(
            "form.next",
            "down",
            "suggest(1)",
            msgid("Next"),
            msgid("Mark the product below, else bring back the movement sent after"),
            show=False,
        ),
        Action("form.take", "tab", "take", msgid("Take"), msgid("Take the marked product"), show=False),
        Action(
            "form.leave",
            "escape",
            "leave",
            msgid("Leave"),
            msgid("Close the suggestions, then leave the form"),
            priority=True,
        ),
    ),
    "filter_field": (
        Action(
            "filter.drop",
            "escape",
            "drop",
            msgid("Drop the filter"),
            msgid("Show everything again"),
        ),
    ),
    "find_field": (
        Action("find.next", "enter", "submit", msgid("Find"), msgid("Find it; again goes on to the next one")),
        Action("find.close", "escape", "leave", msgid("Close"), msgid("Go to what was found")),
    ),
    "record": (
        Action("record.close", "escape,enter,q", "dismiss", msgid("Close"), display=msgid("esc")),
        Action(
            "record.before",
            "left",
            "step(-1)",
            msgid("Before"),
            msgid("The record above it"),
            display="←",
            priority=True,
        ),
        Action(
            "record.after", "right", "step(1)", msgid("After"), msgid("The record below it"), display="→", priority=True
        ),
        *(action._replace(show=True) for action in _RECORD),
        Action("record.scroll_down", "j", "scroll(1)", msgid("Down"), show=False),
        Action("record.scroll_up", "k", "scroll(-1)", msgid("Up"), show=False),
    ),
    # With priority, as in the stock: the line has to be focused before the typed digits are dispatched.
    "product": (
        Action("product.add", "plus", "ask('+')", msgid("Add"), msgid("Put in"), display="+", priority=True),
        Action("product.take", "minus", "ask('-')", msgid("Take"), msgid("Take out"), display="-", priority=True),
        Action(
            "product.set",
            "equals_sign",
            "ask('=')",
            msgid("Set"),
            msgid("Set the stock to a value"),
            display="=",
            priority=True,
        ),
        Action("product.period", "z", "period", msgid("Zoom"), msgid("Stock of the last hour, the last day, or all")),
        Action("product.before", "left", "step(-1)", msgid("Before"), msgid("The product above it"), display="←"),
        Action("product.after", "right", "step(1)", msgid("After"), msgid("The product below it"), display="→"),
        Action("product.close", "escape,q", "close", msgid("Close"), display=msgid("esc")),
    ),
    # In the table's scope, not the screen's: other tables use these keys for something else.
    "letters_table": (
        Action(
            "letters.mend", "m", "screen.mend", msgid("Modify"), msgid("Edit the payload, send it as a new movement")
        ),
        Action(
            "letters.mark",
            "space",
            "mark",
            msgid("Mark"),
            msgid("Mark those that are to be dropped together"),
            display=msgid("space"),
            show=False,
        ),
    ),
    "letters": (
        Action("letters.filter", "slash", "filter", msgid("Filter"), msgid("Show only what matches"), display="/"),
        Action("letters.again", "R", "again", msgid("Send again"), msgid("Send it as it is, as a new movement")),
        Action(
            "letters.all",
            "A",
            "all_again",
            msgid("All again"),
            msgid("Send all that are shown again after a fix; asks first"),
            show=False,
        ),
        Action("letters.drop", "x", "drop", msgid("Drop"), msgid("Put it, or the marked ones, away; asks first")),
        Action(
            "letters.drop_all",
            "X",
            "drop_all",
            msgid("Drop all"),
            msgid("Put all that are shown away; they stay in Kafka. Asks once"),
        ),
        Action(
            "letters.reason",
            "tab",
            "reason(1)",
            msgid("Reason"),
            msgid("Those of the next reason alone, then all"),
            display="⇥",
        ),
        Action(
            "letters.reason_back",
            "shift+tab",
            "reason(-1)",
            msgid("Reason"),
            msgid("Those of the reason before alone, then all"),
            show=False,
        ),
        Action("letters.help", "question_mark", "help", msgid("Help"), msgid("Every key and every sign"), display="?"),
        Action(
            "letters.close",
            "escape,d,q",
            "close",
            msgid("Close"),
            msgid("Stop sending all again, else back to the panes"),
            display=msgid("esc"),
        ),
    ),
    "edit_payload": (Action("mend.leave", "escape", "leave", msgid("Leave"), msgid("Send nothing")),),
    "presets": (
        Action("preset.take", "enter", "take", msgid("Choose"), msgid("Show what it would send")),
        Action("preset.save", "f2", "save", msgid("Save as preset"), msgid("Save the marked movement as a preset")),
        Action("preset.leave", "escape", "leave", msgid("Leave"), msgid("Send nothing")),
        Action("preset.up", "up", "move(-1)", msgid("Up"), msgid("Mark the preset above"), show=False),
        Action("preset.down", "down", "move(1)", msgid("Down"), msgid("Mark the preset below"), show=False),
    ),
    # Start is listed for the footer only: the focused field handles Enter itself.
    "simulator": (
        Action("simulator.begin", "enter", "start", msgid("Start"), msgid("Let the objects send")),
        Action(
            "simulator.leave",
            "escape,ctrl+g",
            "leave",
            msgid("Leave"),
            msgid("Simulate nothing"),
            display=msgid("esc"),
            priority=True,
        ),
    ),
    "infrastructure": (
        Action("servers.mqtt", "1", "server(1)", msgid("MQTT"), msgid("Go to the MQTT broker"), group=_PANES),
        Action("servers.kafka", "2", "server(2)", msgid("Kafka"), msgid("Go to Kafka"), group=_PANES),
        Action("servers.strapi", "3", "server(3)", msgid("Strapi"), msgid("Go to Strapi"), group=_PANES),
        Action(
            "servers.next", "tab,right", "next_server(1)", msgid("Next"), msgid("Go to the next server"), show=False
        ),
        Action(
            "servers.previous",
            "shift+tab,left",
            "next_server(-1)",
            msgid("Previous"),
            msgid("Go back by one"),
            show=False,
        ),
        Action(
            "servers.turn",
            "S",
            "turn_server",
            msgid("Stop / start"),
            msgid("Stop the server, where opsci started it; asks first. Start it again where it is away"),
        ),
        Action("servers.close", "escape,i,q", "dismiss", msgid("Close"), display=msgid("esc")),
    ),
    "charts": (
        Action("charts.next", "v", "next_chart", msgid("View"), msgid("The next chart, where there is room for one")),
        Action("charts.close", "escape,l,q", "dismiss", msgid("Close"), display=msgid("esc")),
    ),
    "tour": (
        Action("tour.next", "enter,right", "go_on", msgid("Go on"), display=msgid("enter")),
        Action("tour.leave", "escape,q", "leave", msgid("Leave"), display=msgid("esc")),
    ),
    "help": (
        Action("help.tour", "T", "tour", msgid("Tour"), msgid("The guided tour")),
        Action("help.close", "escape,question_mark,q", "dismiss", msgid("Close"), display=msgid("esc")),
        Action("help.scroll_down", "j", "scroll(1)", msgid("Down"), show=False),
        Action("help.scroll_up", "k", "scroll(-1)", msgid("Up"), show=False),
    ),
    "confirm": (
        Action("confirm.yes", "y", "answer(True)", msgid("Yes")),
        Action("confirm.no", "n,escape,q", "answer(False)", msgid("No"), display="n"),
    ),
    "web_code": (Action("web_code.close", "escape,w,q", "dismiss", msgid("Close"), display=msgid("esc")),),
    "quit": (
        Action("quit.stop", "q", "choose('stop')", msgid("Quit and stop")),
        Action("quit.keep", "b", "choose('leave')", msgid("Quit and keep")),
        Action("quit.stay", "escape,n", "stay", msgid("Stay"), display=msgid("esc")),
    ),
    "settings_search": (
        Action("settings.search_list", "down", "screen.to_list", msgid("To the list"), show=False),
        Action("settings.search_done", "enter", "screen.to_list", msgid("Done"), msgid("Go to what is left")),
    ),
    "settings_list": (
        Action("settings.change", "enter", "select", msgid("Change"), msgid("Change the setting")),
        Action("settings.down", "j", "cursor_down", msgid("Down"), show=False),
        Action("settings.up", "k", "cursor_up", msgid("Up"), show=False),
        Action("settings.first", "g", "first", msgid("First"), show=False),
        Action("settings.last", "G", "last", msgid("Last"), show=False),
    ),
    "settings": (
        Action(
            "settings.connection",
            "1",
            "page('connection')",
            msgid("Connection"),
            msgid("Addresses, users and topics of the servers"),
            group=_PAGES,
        ),
        Action(
            "settings.screen", "2", "page('screen')", msgid("Screen"), msgid("What this screen shows"), group=_PAGES
        ),
        Action("settings.advanced", "3", "page('advanced')", msgid("Advanced"), msgid("Everything else"), group=_PAGES),
        Action("settings.next_page", "tab", "next_page(1)", msgid("Next"), msgid("The next page"), show=False),
        Action(
            "settings.previous_page",
            "shift+tab",
            "next_page(-1)",
            msgid("Previous"),
            msgid("The page before"),
            show=False,
        ),
        Action("settings.filter", "slash", "search", msgid("Filter"), msgid("Filter these"), display="/"),
        Action(
            "settings.revert",
            "x",
            "revert",
            msgid("Drop"),
            msgid("Take the change of a setting back; again, what was saved of it"),
        ),
        Action("settings.keep", "ctrl+s", "keep", msgid("Try and keep"), msgid("Try the changes, then write them")),
        Action("settings.read", "ctrl+r", "read_again", msgid("Read again"), msgid("Read files"), show=False),
        Action("settings.help", "question_mark", "help", msgid("Help"), msgid("Every key here"), display="?"),
        Action("settings.close", "escape,q", "close", msgid("Close"), msgid("To the panes"), display=msgid("esc")),
    ),
    "setting": (
        Action("edit.take", "enter", "take_switch", msgid("Take"), msgid("Take the value over")),
        Action("edit.take_lines", "ctrl+s", "take", msgid("Take"), msgid("Take the value or the lines over")),
        Action("edit.leave", "escape", "leave", msgid("Leave"), msgid("Change nothing"), display=msgid("esc")),
    ),
    "setting_switch": (
        Action(
            "edit.switch",
            "space",
            "toggle_switch",
            msgid("Yes or no"),
            msgid("Turn it on or off"),
            display=msgid("space"),
        ),
    ),
    "trial": (
        Action("trial.keep", "y", "keep", msgid("Keep anyway"), msgid("Keep the settings as they are")),
        Action("trial.back", "escape,n,q", "back", msgid("Go back"), msgid("Keep nothing yet"), display=msgid("esc")),
    ),
}
"""The actions of each widget or screen, by scope name, in footer order."""


_KEYS: Final = {action.id: action.keys for actions in ACTIONS.values() for action in actions}


def bindings(scope: str) -> list[BindingType]:
    """Return the bindings of a widget or a screen, in English.

    Args:
        scope: its name in `ACTIONS`.
    """
    return [_binding(action) for action in ACTIONS[scope] if action.keys]


def given_keys(action: Action, keys: Mapping[str, str]) -> Action:
    """Return an action with the keys that the settings give it, or unchanged.

    Args:
        action: any action.
        keys: the setting `screen.keys`, by action id.
    """
    given = keys.get(action.id)
    return action._replace(keys=given, display=None) if given else action


_given: dict[str, str] = {}


def give_keys(keys: Mapping[str, str]) -> None:
    """Set the keys that the settings give to actions, for `key_of`: a process has one screen, and it one keyboard.

    Args:
        keys: the setting `screen.keys`, by action id.
    """
    _given.clear()
    _given.update(keys)


def key_of(identity: str) -> str:
    """Return the label of the key of an action, for a text that names it.

    Args:
        identity: the action's id; of several keys the first one counts.
    """
    return key_cap((_given.get(identity) or _KEYS[identity]).split(",")[0])


def key_cap(key: str) -> str:
    """Return the printed label of a key: `Enter` (in French `Entrée`), `Ctrl+F` for `ctrl+f`, a character unchanged."""
    *held, last = key.split("+") if len(key) > 1 else [key]
    name = KEY_SIGNS.get(last, last.upper() if held or len(last) in (2, 3) else last)
    return "+".join([*(say("Shift") if part == "shift" else part.capitalize() for part in held), say(name)])


def _binding(action: Action) -> Binding:
    return Binding(
        action.keys,
        action.call,
        action.title,
        show=action.show,
        key_display=action.display,
        priority=action.priority,
        id=action.id,
        tooltip=action.help,
        group=Binding.Group(action.group, compact=True) if action.group else None,
    )
