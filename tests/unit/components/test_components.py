"""Conventions of all components at once: drawn by the bundle, documented, with an example that runs."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import panel as pn
import pytest

from components.base import HtmlComponent
from components.bundle import build
from components.instruments.registry import INSTRUMENTS, Introduction, instrument
from components.metrics import Metric, MetricRow
from ledger.keys import CHAPTERS

ROOT = Path(__file__).parents[3]
MODULES = {
    path: importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    for path in sorted((ROOT / "components").rglob("*.py"))
}


def subclasses(base: type) -> list[type]:
    """Every class below `base`, by name."""
    found = {base_ for direct in base.__subclasses__() for base_ in {direct, *subclasses(direct)}}
    return sorted(found, key=lambda cls: cls.__name__)


COMPONENTS = [cls for cls in subclasses(HtmlComponent) if cls.__module__.startswith("components.")]
NAMESPACE = {name: value for cls in COMPONENTS for name, value in vars(inspect.getmodule(cls)).items()}


def test_components_are_found() -> None:
    assert {"LabFrame", "Figure", "ControlPanel", "FailureBanner", "MathPeek"} <= {cls.__name__ for cls in COMPONENTS}


def test_each_component_has_one_renderer_in_the_bundle_and_each_renderer_a_component() -> None:
    exported = re.search(r"export default \{(.*)\};\n$", build())
    assert exported is not None
    assert sorted(exported[1].split(", ")) == [cls.__name__ for cls in COMPONENTS]


@pytest.mark.parametrize("cls", COMPONENTS, ids=lambda cls: cls.__name__)
def test_component_is_documented_with_an_example(cls: type) -> None:
    text = inspect.cleandoc(cls.__doc__ or "")
    summary, _, example = text.partition(":Example:")
    assert summary.strip().endswith((".", "`.")), "a summary in sentences"
    lines = [line.strip()[4:] for line in example.splitlines() if line.strip().startswith(">>> ")]
    assert lines, "an example after :Example:"
    for line in lines:
        ast.parse(line)
    names = {node.id for line in lines for node in ast.walk(ast.parse(line)) if isinstance(node, ast.Name)}
    # An ellipsis, or a name from elsewhere, stands for more than fits in a line: such an example is read, not run.
    if "..." not in example and names <= NAMESPACE.keys():
        for line in lines:
            assert isinstance(eval(line, dict(NAMESPACE)), cls)


@pytest.mark.parametrize("cls", COMPONENTS, ids=lambda cls: cls.__name__)
def test_every_parameter_of_a_component_says_what_it_holds(cls: Any) -> None:
    own = [name for name in vars(cls) if name in cls.param and name != "name"]
    for name in own:
        assert (cls.param[name].doc or "").strip(), f"{cls.__name__}.{name} lacks doc="
        assert cls.param[name].doc.strip().endswith((".", "`.")), f"doc of {cls.__name__}.{name} is no sentence"


@pytest.mark.parametrize("cls", COMPONENTS, ids=lambda cls: cls.__name__)
def test_component_colours_come_from_the_style_sheets(cls: type) -> None:
    assert not getattr(cls, "_stylesheets", [])
    assert "styles=" not in inspect.getsource(cls)


def test_parts_bring_none_of_panels_own_style_sheets() -> None:
    model = MetricRow.of(Metric("Loop", "7.42", "ms", status="met")).get_root()
    assert model.stylesheets == []
    assert pn.config.sizing_mode is None


# --- instruments ------------------------------------------------------------------------------------------


def test_an_instrument_is_registered_once() -> None:
    name = next(iter(INSTRUMENTS))
    function = lambda: None  # noqa: E731
    function.__name__ = name
    with pytest.raises(ValueError, match=f"instrument '{name}' is registered twice"):
        instrument(volume=1, chapter=1)(function)  # type: ignore[arg-type]


def test_a_file_that_is_run_anew_registers_its_instruments_again(monkeypatch: pytest.MonkeyPatch) -> None:
    source = "@instrument(volume=2, chapter=3)\ndef drawn_in_a_lab():\n    ..."
    monkeypatch.delitem(INSTRUMENTS, "drawn_in_a_lab", raising=False)
    for _ in range(2):
        exec(compile(source, "lab_03_here.py", "exec"), {"instrument": instrument})
    with pytest.raises(ValueError, match=r"the first time in .*lab_03_here\.py"):
        exec(compile(source, "lab_03_elsewhere.py", "exec"), {"instrument": instrument})
    del INSTRUMENTS["drawn_in_a_lab"]


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_instrument_is_introduced_in_a_lab_of_the_course_and_documented(name: str) -> None:
    place = INSTRUMENTS[name]
    assert isinstance(place, Introduction)
    assert place.chapter in CHAPTERS[place.volume]
    functions = [
        value
        for path, module in MODULES.items()
        if path.parent.name == "instruments"
        for value in vars(module).values()
        if inspect.isfunction(value) and value.__name__ == name and hasattr(value, "__wrapped__")
    ]
    assert functions, f"{name} is no function of components.instruments"
    assert (functions[0].__doc__ or "").strip().split("\n")[0].endswith("."), "a docstring that says what it shows"
    assert inspect.signature(functions[0]).return_annotation == "Plot"


def test_a_plot_carries_the_name_of_its_instrument() -> None:
    from components.instruments.waterfall import Bar, latency_waterfall

    assert latency_waterfall([Bar("a", {"x": 1.0})], title="t").instrument == "latency_waterfall"
    assert latency_waterfall.__name__ == "latency_waterfall"
