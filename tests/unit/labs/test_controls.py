"""Controls as data: stops, defaults, what they take from a link or a browser, how they complain."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import param
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.controls import Control, ControlError, ControlPanel, Options, Slider, choice, log_slider, slider, stops

REASON = "from the least to the most that is sold"


def spec(control: Any, context: str = "cloud") -> Any:
    """The spec of a control in a context."""
    return control.spec_in(context)


# --- sliders ----------------------------------------------------------------------------------------------


def test_stops_of_a_linear_slider_are_written_as_a_reader_would() -> None:
    made = spec(slider("Share", 0, 1, 0.1, 0.3, unit="%", scale=100, reason=REASON))
    assert made.stops == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert made.labels[3] == "30 %"
    assert (made.low, made.high, made.default) == (0.0, 1.0, 0.3)


@given(
    low=st.integers(-1000, 1000), count=st.integers(1, 200), step=st.sampled_from([0.001, 0.05, 0.25, 1, 7, 1e3, 1e-6])
)
def test_a_linear_slider_has_every_step_from_low_to_high(low: int, count: int, step: float) -> None:
    high = low + count * step
    made = spec(slider("x", low, high, step, low, reason=REASON))
    assert len(made.stops) == count + 1
    assert made.stops[0] == low
    assert made.stops[-1] == pytest.approx(high)
    assert np.allclose(np.diff(made.stops), step)


def test_a_step_that_misses_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Share: steps of 0\.3 from 0 do not end at 1"):
        slider("Share", 0, 1, 0.3, 0, reason=REASON)


@given(
    low=st.floats(1e-6, 1e3),
    decades=st.floats(0.1, 8),
    per_decade=st.sampled_from([3, 5, 10, 20]),
    place=st.floats(0, 1),
)
def test_a_log_slider_contains_its_ends_and_its_default(
    low: float, decades: float, per_decade: int, place: float
) -> None:
    high = low * 10**decades
    default = low * (high / low) ** place
    made = spec(log_slider("Power", low, high, per_decade, default, reason=REASON))
    assert {low, high, default} <= set(made.stops)
    assert list(made.stops) == sorted(set(made.stops))
    assert made.low == low
    assert made.high == high
    assert made.default in made.stops
    ratios = np.diff(np.log10(made.stops))
    assert ratios.max() < 2.1 / per_decade, "a hole in the scale"


def test_a_log_slider_takes_named_values_for_nearly_equal_stops() -> None:
    made = spec(log_slider("Power", 1e-3, 1e3, 10, 0.1, also=(25.0, 700.0, 1e6), unit="W", reason=REASON))
    assert 25.0 in made.stops
    assert 25.12 not in made.stops
    assert 700.0 in made.stops
    assert 1e6 not in made.stops


def test_stops_must_ascend() -> None:
    for values in ((1, 1, 2), (2, 1), (1, 3, 2)):
        with pytest.raises(ValueError, match="Batch: stops must ascend and differ"):
            stops("Batch", values, 1, reason=REASON)
    with pytest.raises(ControlError, match="Batch: 9 is outside 1 to 4"):
        stops("Batch", (1, 2, 4), 9, reason=REASON)


def test_integers_stay_integers() -> None:
    made = spec(stops("Batch", (1, 2, 4), 2, unit="images", reason=REASON))
    assert [type(value) for value in made.stops] == [int] * 3
    assert made.labels == ("1 image", "2 images", "4 images")
    assert made.parse("4") == 4


@pytest.mark.parametrize(
    ("text", "value"), [("2", 2), ("2.4", 2), ("3.2", 4), (" 1 ", 1), ("1e0", 1), ("4.0000000001", 4)]
)
def test_a_link_is_snapped_to_the_nearest_stop(text: str, value: float) -> None:
    assert spec(stops("Batch", (1, 2, 4), 2, reason=REASON)).parse(text) == value


def test_a_typed_entry_keeps_its_value() -> None:
    made = spec(stops("Rate", (1e6, 2e6, 4e6), 2e6, unit="MB/s", scale=1e-6, entry=True, reason=REASON))
    assert made.parse("2500000") == 2.5e6
    assert made.text(2.5e6) == "2.5 MB/s"
    assert made.for_browser("rate")["entry"] == {"unit": "MB/s", "low": 1.0, "high": 4.0}
    assert made.value_for_browser(2.5e6) == {"index": 1, "text": "2.5 MB/s", "number": 2.5}
    assert made.value_for_browser(4e6) == {"index": 2, "text": "4 MB/s", "number": 4.0}


@pytest.mark.parametrize(
    "value", [None, True, False, "2", "two", [], {}, math.nan, math.inf, -math.inf, 10**400, 2 + 1j, np.float64("nan")]
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ControlError, match=r"Batch: .* is not a number; allowed are 1 to 4"):
        spec(stops("Batch", (1, 2, 4), 2, reason=REASON)).check(value)


@pytest.mark.parametrize("value", [0.999, 4.001, -4, 1e300])
def test_what_is_out_of_range_is_refused(value: float) -> None:
    with pytest.raises(ControlError, match="is outside 1 to 4"):
        spec(stops("Batch", (1, 2, 4), 2, reason=REASON)).check(value)


def test_rounding_at_the_ends_is_forgiven() -> None:
    made = spec(slider("Share", 0, 0.3, 0.1, 0, reason=REASON))
    made.check(0.1 + 0.2)
    assert made.text(0.1 + 0.2) == "0.3"


@pytest.mark.parametrize("text", ["", "x", "1,5", "0x10", "<b>2</b>", "9" * 5000 + "x", "nan", "inf", "1e999", "5"])
def test_bad_text_is_refused_and_not_repeated_at_length(text: str) -> None:
    with pytest.raises(ControlError) as caught:
        spec(stops("Batch", (1, 2, 4), 2, reason=REASON)).parse(text)
    assert str(caught.value).startswith("Batch: ")
    assert "1 to 4" in str(caught.value)
    assert len(str(caught.value)) < 120


def test_a_slider_tells_the_browser_labels_and_not_numbers() -> None:
    made = spec(stops("Batch", (1, 2, 4), 2, unit="images", reason=REASON))
    assert made.for_browser("batch") == {
        "kind": "slider",
        "name": "batch",
        "label": "Batch",
        "stops": ["1 image", "2 images", "4 images"],
        "entry": None,
    }
    assert made.value_for_browser(4)["index"] == 2
    assert made.values() == (1, 2, 4)


def test_labels_may_be_written_by_hand() -> None:
    made = spec(stops("Time", (1.0, 3600.0), 1.0, text=lambda s: "an hour" if s == 3600 else "a second", reason=REASON))
    assert made.range_text() == "a second to an hour"


# --- options ----------------------------------------------------------------------------------------------


def test_an_option_is_one_of_the_named_values() -> None:
    made = spec(choice("Precision", {"fp16": "FP16", "int8": "INT8"}, "fp16", reason=REASON))
    assert made.parse("int8") == "int8"
    assert made.text("int8") == "INT8"
    assert made.range_text() == "FP16, INT8"
    assert made.for_browser("precision")["options"] == [
        {"id": "fp16", "label": "FP16"},
        {"id": "int8", "label": "INT8"},
    ]
    assert made.value_for_browser("int8") == {"option": "int8"}
    for value in ("FP16", None, 16, [], {}, True):
        with pytest.raises(ControlError, match=r"Precision: .* is not an option; allowed are FP16, INT8"):
            made.check(value)
    with pytest.raises(ControlError, match="is not an option"):
        made.parse("<script>")


def test_true_is_not_one() -> None:
    """Python holds True for 1 and 1.0; a switch and a count are different controls."""
    count = spec(choice("Bytes", {1: "one", 2: "two"}, 1, reason=REASON))
    switch = spec(choice("Fused", {True: "on", False: "off"}, True, reason=REASON))
    for value in (True, False):
        switch.check(value)
        with pytest.raises(ControlError):
            count.check(value)
    for number in (1, 0, 1.0):
        with pytest.raises(ControlError):
            switch.check(number)
    count.check(1.0)
    assert switch.parse("False") is False
    assert count.parse("2") == 2


def test_a_default_must_be_an_option() -> None:
    with pytest.raises(ControlError, match="'int4' is not an option"):
        choice("Precision", {"fp16": "FP16"}, "int4", reason=REASON)


# --- contexts ---------------------------------------------------------------------------------------------


def test_range_and_default_may_differ_per_context() -> None:
    linear = slider("Batch", 1, 8, 1, 4, reason=REASON, per_context={"mobile": {"high": 2, "default": 1}})
    assert spec(linear).stops == (1, 2, 3, 4, 5, 6, 7, 8)
    assert (spec(linear, "mobile").stops, spec(linear, "mobile").default) == ((1, 2), 1)
    logarithmic = log_slider("Power", 1, 100, 1, 10, reason=REASON, per_context={"mobile": {"default": 3.0}})
    assert 3.0 in spec(logarithmic, "mobile").stops
    assert 3.0 not in spec(logarithmic).stops
    listed = stops("Batch", (1, 2, 4), 4, reason=REASON, per_context={"mobile": {"values": (1, 2), "default": 2}})
    assert spec(listed, "mobile").default == 2
    named = choice("Net", {"a": "A", "b": "B"}, "a", reason=REASON, per_context={"mobile": {"options": {"a": "A"}}})
    assert spec(named, "mobile").options == {"a": "A"}


def test_a_default_per_context_is_held_to_its_range() -> None:
    with pytest.raises(ControlError):
        slider("Batch", 1, 8, 1, 4, reason=REASON, per_context={"mobile": {"high": 2}})
    with pytest.raises(ControlError):
        choice("Net", {"a": "A", "b": "B"}, "b", reason=REASON, per_context={"mobile": {"options": {"a": "A"}}})


def test_a_control_may_exist_in_one_context_alone() -> None:
    control = slider("Distance", 0, 4, 1, 2, reason=REASON, only_in=("cloud",))
    assert control.present_in("cloud")
    assert not control.present_in("edge")
    assert slider("Distance", 0, 4, 1, 2, reason=REASON).present_in("edge")


def test_a_control_is_a_parameter_whose_doc_gives_reason_unit_and_range() -> None:
    class Some(param.Parameterized):
        batch = stops("Batch", (1, 2, 4), 2, unit="images", reason=REASON)

    declared = Some.param["batch"]
    assert isinstance(declared, Control)
    assert declared.label == "Batch"
    assert declared.doc == f"{REASON} (images; 1 image to 4 images)"
    assert Some().batch == 2
    assert isinstance(declared.spec, Slider)
    assert not isinstance(declared.spec, Options)


def test_a_panel_is_made_from_definitions_and_values() -> None:
    made = spec(stops("Batch", (1, 2, 4), 2, reason=REASON))
    panel = ControlPanel(controls=[made.for_browser("batch")], values={"batch": made.value_for_browser(2)})
    assert panel.controls[0]["name"] == "batch"
    assert panel.values["batch"]["index"] == 1
