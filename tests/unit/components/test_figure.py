"""Figures: drawn once, then fed with what changed; plots of the labs can be drawn and their labels read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bokeh.models import FixedTicker, HoverTool
from drawn import axes, columns, models, sources
from test_theme import THEMES

from components import theme
from components.instruments import blueprint as blueprints
from components.instruments.blueprint_cache import BlueprintCache
from components.instruments.figure import LONGEST_LIST, Figure
from components.instruments.layers import Axis, Boxes, Cells, Labels, Line, Plot, Points, Segments
from components.theme import contrast
from labs import robot
from labs.catalog import catalog, name_of
from labs.lab import Lab

X, Y = Axis("rate (B/s)", 1, 100, log=True), Axis("time (s)", 0, 10)


def plot(y: Any = (1.0, 2.0), here: float = 1.0, **changes: Any) -> Plot:
    made = {"x": X, "y": Y, "caption": "One second.", **changes}
    return Plot("Time", layers=(Line(x=[1.0, 100], y=list(y)), Points(x=10, y=here)), **made)


class Sent:
    """Notes what a figure would send to the browser."""

    def __init__(self, figure: Figure) -> None:
        self.names: list[str] = []
        figure.param.watch(lambda event: self.names.append(event.name), ["drawing", "changes"])


# --- words, columns, ranges -------------------------------------------------------------------------------


def test_a_figure_shows_title_caption_and_key() -> None:
    figure = Figure(plot(key=(("curve", "data"),)))
    assert (figure.title, figure.caption, figure.key) == ("Time", "One second.", [["curve", "data"]])
    figure.show(plot(caption="Two seconds.", key=()))
    assert (figure.caption, figure.key) == ("Two seconds.", [])


def test_only_columns_that_changed_are_sent() -> None:
    figure = Figure(plot())
    sent = Sent(figure)
    figure.show(plot())
    assert sent.names == []
    figure.show(plot(here=3.0))
    assert sent.names == ["changes"]
    assert figure.changes["columns"] == {"1": {"y": [3.0]}}
    assert columns(figure) == [{"x": [1.0, 100.0], "y": [1.0, 2.0]}, {"x": [10], "y": [3.0]}]


def test_changes_tell_a_browser_that_comes_late_everything() -> None:
    figure = Figure(plot())
    figure.show(plot(here=3.0))
    figure.show(plot(y=(4.0, 5.0), here=3.0))
    assert figure.changes["columns"] == {"0": {"y": [4.0, 5.0]}, "1": {"y": [3.0]}}
    figure.show(plot(y=(4.0, 5.0)))
    assert columns(figure)[1]["y"] == [1.0], "what is back where it was is not forgotten"


def test_long_columns_travel_as_bytes() -> None:
    many = np.linspace(0, 1, LONGEST_LIST + 1)
    figure = Figure(replace(plot(), layers=(Line(x=many, y=many), Points(x=1, y=1))))
    assert isinstance(figure.drawing["columns"][0]["x"], np.ndarray)
    assert figure.drawing["columns"][1]["x"] == [1]


def test_gaps_that_stay_gaps_are_not_sent_again() -> None:
    figure = Figure(plot(here=np.nan))
    sent = Sent(figure)
    figure.show(plot(here=np.nan))
    figure.show(plot(here=np.inf))
    assert sent.names == []


def test_a_range_is_sent_when_it_changes_and_nothing_else_is() -> None:
    figure = Figure(plot())
    figure.show(replace(plot(), y=Axis("time (s)", 0, 20)))
    assert figure.changes == {"columns": {}, "axes": [["rate (B/s)", 1, 100, []], ["time (s)", 0, 20, []]]}


def test_a_longer_column_replaces_the_shorter_one() -> None:
    figure = Figure(plot())
    figure.show(replace(plot(), layers=(Line(x=[1.0, 10, 100], y=[1.0, 2, 3]), Points(x=[1.0, 2], y=[1.0, 2]))))
    assert [len(layer["x"]) for layer in columns(figure)] == [3, 2]


def test_another_structure_is_another_drawing() -> None:
    figure = Figure(plot())
    sent = Sent(figure)
    figure.show(replace(plot(here=5.0), layers=plot(here=5.0).layers))
    figure.show(replace(plot(), layers=plot().layers[:1]))
    # The browser takes one after the other: what changed in the old drawing must be gone before the new one comes.
    assert sent.names == ["changes", "changes", "drawing"]
    assert figure.changes == {}
    assert len(sources(figure)) == len(columns(figure)) == 1
    before = figure.drawing["blueprint"]
    figure.show(replace(plot(), x=Axis("rate (B/s)", 1, 100)))
    assert figure.drawing["blueprint"] != before
    figure.show(plot())
    assert [layer["y"] for layer in columns(figure)] == [[1.0, 2.0], [1.0]]


# --- axes -------------------------------------------------------------------------------------------------


def test_axes_carry_label_range_and_scale() -> None:
    figure = Figure(plot())
    assert axes(figure) == [["rate (B/s)", 1, 100, []], ["time (s)", 0, 10, []]]
    drawn = models(figure)
    assert type(drawn.x_scale).__name__ == "LogScale"
    assert type(drawn.y_scale).__name__ == "LinearScale"


def test_named_positions_follow_the_plot_and_go_with_it() -> None:
    named = replace(plot(), y=Axis("", 0, 10, ticks=((1.0, "old"), (2.0, "new"))))
    figure = Figure(named)
    assert isinstance(models(figure).yaxis[0].ticker, FixedTicker)
    assert axes(figure)[1] == ["", 0, 10, [[1.0, "old"], [2.0, "new"]]]
    figure.show(replace(named, y=Axis("", 0, 10, ticks=((3.0, "other"),))))
    assert axes(figure)[1][3] == [[3.0, "other"]]
    figure.show(plot())
    assert not isinstance(models(figure).yaxis[0].ticker, FixedTicker)


def test_points_tell_their_coordinates_on_axes_with_numbers() -> None:
    def told(shown: Plot) -> list[str]:
        return [said for tool in models(Figure(shown)).select(type=HoverTool) for _, said in tool.tooltips]

    assert told(plot()) == ["@x{%.4g}", "@y{%.4g}"]
    assert told(replace(plot(), y=Axis("", 0, 10, ticks=((1.0, "one"),)))) == ["@x{%.4g}"]


def test_figures_look_like_the_suite() -> None:
    drawn = models(Figure(plot()))
    assert drawn.background_fill_color is None
    assert drawn.toolbar.logo is None
    assert drawn.sizing_mode == "stretch_width"
    assert drawn.title.text == ""
    assert drawn.xaxis[0].axis_label_text_font == theme.TEXT_FONT
    assert not drawn.legend


# --- blueprints -------------------------------------------------------------------------------------------


@pytest.fixture
def nothing_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has drawn nothing and finds no drawings."""
    monkeypatch.setattr(blueprints, "_drawn", {})
    monkeypatch.setattr(blueprints, "_cache", None)


@pytest.mark.usefixtures("nothing_drawn")
def test_plots_of_one_structure_are_drawn_once_and_share_no_data() -> None:
    first, second = Figure(plot()), Figure(plot(y=(7.0, 8.0), here=9.0))
    assert len(blueprints._drawn) == 1
    assert first.drawing["blueprint"] is second.drawing["blueprint"]
    first.show(plot(here=5.0))
    assert [layer["y"] for layer in columns(second)] == [[7.0, 8.0], [9.0]]


@pytest.mark.usefixtures("nothing_drawn")
def test_a_blueprint_holds_nothing_of_the_one_who_came_first() -> None:
    named = Axis("a label", 0, 98765, ticks=((4321.0, "a name"),))
    Figure(replace(plot(y=(123456.0, 123456.0)), x=Axis("another label", 1, 98765, log=True), y=named))
    (made,) = blueprints._drawn.values()
    for trace in ("123456", "98765", "4321", "a label", "another label", "a name"):
        assert trace not in made


@pytest.mark.usefixtures("nothing_drawn")
def test_drawings_outlive_the_process_that_made_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blueprints, "_cache", BlueprintCache(tmp_path))
    drawn = blueprints.blueprint(plot())
    monkeypatch.setattr(blueprints, "_drawn", {})
    monkeypatch.setattr(blueprints, "_draw", lambda _: pytest.fail("it is drawn again"))
    found = blueprints.blueprint(plot())
    assert found == drawn
    (folder,) = tmp_path.iterdir()
    assert len(list(folder.iterdir())) == 1


@pytest.mark.usefixtures("nothing_drawn")
def test_a_damaged_or_forbidden_folder_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(blueprints, "_cache", BlueprintCache(tmp_path))
    blueprints.blueprint(plot())
    (file,) = tmp_path.rglob("*.json")
    file.write_text("{", encoding="utf-8")
    monkeypatch.setattr(blueprints, "_drawn", {})
    assert json.loads(blueprints.blueprint(plot()))["sources"]
    assert "drawn anew" in caplog.text

    (tmp_path / "file").touch()
    monkeypatch.setattr(blueprints, "_cache", BlueprintCache(tmp_path / "file"))
    monkeypatch.setattr(blueprints, "_drawn", {})
    assert json.loads(blueprints.blueprint(plot()))["sources"]
    assert "cannot be kept" in caplog.text


def test_layers_share_what_none_of_them_needs_for_itself() -> None:
    renderers = models(Figure(plot())).renderers
    assert len({id(renderer.view.filter) for renderer in renderers}) == 1
    assert len({id(renderer.data_source.selection_policy) for renderer in renderers}) == 1


# --- the labs' own plots ----------------------------------------------------------------------------------


def lab_plots(lab: type[Lab], states: int) -> Iterator[tuple[str, Plot]]:
    """Plots of both acts in every context, at the defaults and in some other states."""
    for context in lab.contexts:
        run = robot.opened(lab, "saved", context.id)
        for act in robot.acts(run):
            act.reset()
            for state in ("the defaults", *robot.joint_moves(act, states, seed=3)):
                for name, shown in act.plots(act.outcome).items():
                    yield f"{act.key} in {context.id} at {state}: {name}", shown


def over(colour: str, alpha: float, ground: str) -> str:
    """A translucent colour over a ground."""
    parts = [round(alpha * int(colour[k : k + 2], 16) + (1 - alpha) * int(ground[k : k + 2], 16)) for k in (1, 3, 5)]
    return "#" + "".join(f"{part:02X}" for part in parts)


def ground_under(shown: Plot, upto: int, x: float, y: float, tokens: Any) -> str:
    """The colour under a text at a point of the plot, from the boxes, cells and filled markers drawn before it."""
    text = shown.layers[upto]
    assert isinstance(text, Labels)
    within_marker = text.align == "center" and text.dx == text.dy == 0
    ground = tokens["surface"]
    for layer in shown.layers[:upto]:
        if isinstance(layer, Points) and layer.filled and within_marker:
            # A text in the middle of a marker that is large enough to hold it.
            columns = layer.columns()
            if layer.size >= 16 and (np.isclose(columns["x"], x) & np.isclose(columns["y"], y)).any():
                ground = over(tokens[layer.token], layer.alpha, ground)
        elif isinstance(layer, Boxes | Cells):
            box = layer.columns()
            inside = (box["left"] < x) & (x < box["right"]) & (box["bottom"] < y) & (y < box["top"])
            if inside.any() and isinstance(layer, Boxes):
                ground = over(tokens[layer.token], layer.alpha, ground)
            elif inside.any() and isinstance(layer, Cells):
                share = (box["fill_color"][inside][-1] - layer.low) / (layer.high - layer.low)
                step = 0 if np.isnan(share) else int(np.clip(share * len(layer.ramp), 0, len(layer.ramp) - 1))
                ground = layer.ramp[step]
    return ground


def wrongly_sent(figure: Figure, shown: Plot) -> Iterator[str]:
    """Columns of a plot that a figure, brought up to date, would not give the browser."""
    assert " at 0x" not in repr(shown.structure()), "the structure of a plot is made of plain values"
    figure.show(shown)
    for sent, layer in zip(columns(figure), shown.layers, strict=True):
        for column, values in layer.columns().items():
            if not np.array_equal(np.asarray(sent[column]), values, equal_nan=np.asarray(values).dtype.kind == "f"):
                yield f"{type(layer).__name__}.{column} is not sent as it is"


def pale_labels(shown: Plot) -> Iterator[str]:
    """Labels with too little contrast with the bar or region at their anchor, in either theme."""
    reach = 1e-6 * (shown.x.high - shown.x.low)
    for k, layer in enumerate(shown.layers):
        if not isinstance(layer, Labels) or layer.plate:
            continue
        at = layer.columns()
        shift = {"left": reach, "right": -reach}.get(layer.align, 0.0)
        for x, y, text in zip(at["x"], at["y"], at["text"], strict=True):
            if not text or np.isnan(x) or np.isnan(y):
                continue
            for name, tokens in THEMES.items():
                ratio = contrast(tokens[layer.token], ground_under(shown, k, x + shift, y, tokens))
                if ratio < 4.5:
                    yield f"{name}: {text!r} in {layer.token} has a contrast of {ratio:.2f}"


def limits_outside(shown: Plot) -> Iterator[str]:
    """Limit lines outside the axes, which tell nobody anything; a hidden one is NaN."""
    for layer in shown.layers:
        if isinstance(layer, Segments) and layer.token in ("met", "violation"):
            ends = layer.columns()
            for axis, first, second in ((shown.x, "x0", "x1"), (shown.y, "y0", "y1")):
                low, high = np.minimum(ends[first], ends[second]), np.maximum(ends[first], ends[second])
                slack = 1e-6 * (axis.high - axis.low)
                if ((high < axis.low - slack) | (low > axis.high + slack)).any():
                    yield f"a line in {layer.token} lies outside the {axis.label} axis"


@pytest.mark.parametrize("lab", catalog(), ids=name_of)
def test_the_plots_of_a_lab_arrive_whole_and_can_be_read(lab: type[Lab]) -> None:
    figures: dict[str, Figure] = {}
    faults: dict[str, str] = {}
    for place, shown in lab_plots(lab, 8):
        name = f"{place.partition(' at ')[0]}: {place.rpartition(': ')[2]}"
        if name not in figures:
            figures[name] = Figure(shown)
        for fault in (*wrongly_sent(figures[name], shown), *pale_labels(shown), *limits_outside(shown)):
            faults.setdefault(f"{name}: {fault}", place)
    assert not faults, faults
