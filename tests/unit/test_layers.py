"""The arrows between the layers: imports go down only, and a lab file holds what is a lab's."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("mlsysim", "ledger", "components", "labs")

#: Layer to what it may not import: other layers, and packages that would tie it to a screen or a data base.
FORBIDDEN = {
    "mlsysim": {"ledger", "components", "labs", "tests", "panel", "holoviews", "bokeh", "param", "sqlalchemy"},
    "ledger": {"mlsysim", "components", "labs", "tests", "panel", "holoviews", "bokeh", "param"},
    "components": {"ledger", "labs", "tests", "sqlalchemy"},
    "labs": {"tests"},
}
#: Lab files: what a lab needs of these is a component, or a method of Lab.
OF_NO_LAB = {"bokeh", "holoviews", "panel", "sqlalchemy", "ledger", "tornado", "jinja2", "html"}
#: Modules of the lab model: they know no screen.
MODEL = ("act", "base", "content", "lab", "record", "scenario", "states")


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def lab_files() -> list[Path]:
    return sorted(path for volume in (1, 2) for path in (ROOT / f"labs/vol{volume}").glob("lab_*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(path)} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def tops(path: Path) -> set[str]:
    """The packages that a file imports."""
    return {module.partition(".")[0] for module in imported(path)}


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_down_only(layer: str) -> None:
    assert files(layer)
    wrong = {name(path): odd for path in files(layer) if (odd := tops(path) & FORBIDDEN[layer])}
    assert not wrong


def test_the_physics_needs_numpy_and_pint_alone() -> None:
    for path in files("mlsysim"):
        # Device files of an institution are YAML.
        others = tops(path) - {*sys.stdlib_module_names, "mlsysim", "numpy", "pint", "yaml"}
        assert not others, f"{name(path)} imports {others}"


def test_components_take_data_and_never_a_lab() -> None:
    """What components use of the physics are its types and its registered formulas, not its constants."""
    for path in files("components"):
        modules = {module for module in imported(path) if module.startswith("mlsysim")}
        assert not any(".constants" in module for module in modules), name(path)


@pytest.mark.parametrize("module", MODEL)
def test_the_model_of_a_lab_knows_no_screen(module: str) -> None:
    path = ROOT / f"labs/{module}.py"
    assert not tops(path) & {"panel", "bokeh", "holoviews", "sqlalchemy"}
    inner = {part for part in imported(path) if part.startswith("labs.")}
    assert not {part for part in inner if "view" in part or part.split(".")[1] in ("app", "pages", "site", "session")}


#: What a lab file may import of `labs`: `record`, `board` and `report` are for the labs that close a volume and look
#: back on it.
OPEN_TO_LABS = ("base", "board", "content", "record", "report", "standalone", "vol1", "vol2")


@pytest.mark.parametrize("path", lab_files(), ids=name)
def test_a_lab_file_imports_no_machinery(path: Path) -> None:
    assert not tops(path) & OF_NO_LAB
    odd = {
        module for module in imported(path) if module.startswith("labs.") and module.split(".")[1] not in OPEN_TO_LABS
    }
    assert not odd, f"a lab needs labs.base alone; it imports {odd}"


TAG = re.compile(
    r"</?(?:a|b|br|code|div|em|h[1-6]|i|img|li|ol|p|script|span|strong|style|sub|sup|svg|table|td|tr|ul)\b"
)
STYLE = re.compile(r"(?:^|[;{\s])(?:color|background|font-size|margin|padding|display)\s*:\s*[#\w]+\s*;")
SQL = re.compile(r"\b(?:SELECT .+ FROM|INSERT INTO|DELETE FROM|UPDATE \w+ SET)\b", re.DOTALL)


@pytest.mark.parametrize("path", lab_files(), ids=name)
def test_a_lab_file_holds_no_html_no_css_and_no_sql(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for kind, pattern in (("HTML", TAG), ("CSS", STYLE), ("SQL", SQL)):
                found = pattern.search(node.value)
                assert not found, f"{name(path)}:{node.lineno} holds {kind}: {found and found[0]!r}"


@pytest.mark.parametrize("path", lab_files(), ids=name)
def test_a_lab_file_asks_no_clock_no_file_and_no_chance(path: Path) -> None:
    """The same controls give the same outcome, tomorrow and elsewhere; chance comes from the physics, seeded."""
    assert not tops(path) & {"random", "time", "datetime", "os", "pathlib", "urllib", "socket", "subprocess"}


def test_no_layer_is_imported_in_a_circle() -> None:
    """Within a layer, too: module-level imports form no circle."""
    for layer in LAYERS:
        known = {
            name(path).removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in files(layer)
        }
        graph = {
            module: {part for part in _at_import(path) if part in known and part != module}
            for module, path in known.items()
        }
        done: set[str] = set()

        def visit(module: str, way: tuple[str, ...], graph=graph, done=done) -> None:
            assert module not in way, f"a circle: {' -> '.join((*way[way.index(module) :], module))}"
            if module not in done:
                for part in graph[module]:
                    visit(part, (*way, module))
                done.add(module)

        for module in graph:
            visit(module, ())


def _at_import(path: Path) -> Iterator[str]:
    """Modules that are imported when a file is: not in functions, not for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            folders = [module for module in inner if (ROOT / (module.replace(".", "/") + ".py")).exists()]
            yield from folders or [node.module]
