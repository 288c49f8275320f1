"""No module imports itself through others, not even for types."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter

from stack.paths import ROOT

_PACKAGES = ("bridge", "tui", "stack")


def imports_of(source: str, modules: set[str]) -> set[str]:
    """The modules that a source imports, wherever the statement is."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & modules or {node.module}
    return found & modules


def test_no_module_imports_itself_through_others() -> None:
    files = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for package in _PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if "node_modules" not in file.parts
    }
    assert len(files) > 200
    graph = {name: imports_of(file.read_text(), files.keys() - {name}) for name, file in files.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from error
