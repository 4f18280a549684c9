"""Lab 01: gaps, feasible designs, texts, ledger fields and pictures of its sheet."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from components.instruments.dam import Usage, capacity_bars, dam_comparison
from components.instruments.figure import Figure
from components.instruments.magnitude import (
    Gap,
    Workload,
    machine_shapes,
    magnitude_gap,
    power_of_ten,
    seconds_text,
    workload_terms,
)
from components.quantity import count
from labs.vol1.lab_01_ml_intro import (
    KERNELS,
    RATES,
    ZOO,
    KeywordSpotter,
    MagnitudeGap,
    MagnitudeGapLab,
    lighthouses,
)
from ledger import DesignLedger, contract_of, new_student_id, open_store
from tests.unit.labs.plot_words import written

CONTEXTS = ("cloud", "tiny")


@pytest.fixture
def lab(ledger: DesignLedger) -> MagnitudeGapLab:
    return MagnitudeGapLab(ledger)


def in_act2(lab: MagnitudeGapLab, guess: str = "B", axis: str = "A") -> MagnitudeGapLab:
    """The lab with both predictions locked."""
    lab.begin_act1()
    lab.lock("act1", guess)
    lab.set_control("act1", "k", 3.9)
    lab.answer("act1", "C")
    lab.lock("act2", axis)
    return lab


def with_lab_00(ledger: DesignLedger, **design: Any) -> MagnitudeGapLab:
    """The lab of a student whose entry of Lab 00 has these fields."""
    full = {"context": "tiny", "act1_prediction": 27, "act1_correct": True, "act2_result": 220.6}
    full |= {"act2_decision": "tiny_duty_cycled", "constraint_hit": True, "period_s": 100, "cells": 1}
    ledger.save(chapter=0, design={**full, "response_s": 100.5, "home_context": "tiny", **design})
    return MagnitudeGapLab(ledger)


def device(**controls: Any) -> Any:
    return KeywordSpotter.compute("tiny", **{"model": "dscnn_s", "kernels": "cmsis_int8", "rate_hz": 4, **controls})


def cloud(**controls: Any) -> Any:
    return KeywordSpotter.compute("cloud", **{"model": "dscnn_s", "streams": 2e6, "rate_hz": 4, **controls})


# --- physics --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rate", "compute", "efficiency"), [(1e6, 8.995, 5.150), (249e6, 6.599, 2.754), (432e6, 6.360, 2.515)]
)
def test_gaps_of_the_three_rates(rate, compute, efficiency):
    outcome = MagnitudeGap.compute("cloud", mcu_rate_flop_s=rate)
    assert rate in RATES
    assert outcome.compute_orders == pytest.approx(compute, abs=5e-4)
    assert outcome.efficiency_orders == pytest.approx(efficiency, abs=5e-4)
    assert outcome.memory_orders == pytest.approx(5.485, abs=5e-4)
    assert outcome.bandwidth_orders == pytest.approx(4.826, abs=5e-4)
    assert outcome.power_orders == pytest.approx(3.845, abs=5e-4)


def test_a_fleet_of_a_billion():
    outcome = MagnitudeGap.compute("cloud", mcu_rate_flop_s=1e6, k=9)
    assert outcome.chips_w == pytest.approx(100e6)
    assert outcome.chips_bytes == pytest.approx(262e12, rel=1e-3)
    assert outcome.fleet_power_w == pytest.approx(98.9e6)
    # More chips never change what one operation costs.
    assert [gap.remaining(9) for gap in outcome.gaps if not gap.scales] == [outcome.efficiency_orders]


@pytest.mark.parametrize(
    ("context", "name", "occupancy", "data_s", "compute_s"),
    [
        ("tiny", "DS-CNN-S", 0.147, 0.772e-3, 5.40),
        ("tiny", "MobileNetV2", 13.4, 70.1e-3, 600),
        ("tiny", "ResNet-50", 97.5, 0.511, 8200),
        ("tiny", "GPT-2 XL", 5722, 30, 3000),
        ("cloud", "DS-CNN-S", 4.83e-7, 11.5e-9, 5.46e-9),
        ("cloud", "MobileNetV2", 4.38e-5, 1.05e-6, 0.607e-6),
        ("cloud", "ResNet-50", 3.19e-4, 7.63e-6, 8.29e-6),
        ("cloud", "GPT-2 XL", 0.01875, 448e-6, 3.03e-6),
    ],
)
def test_lighthouse_workloads(context, name, occupancy, data_s, compute_s):
    work = next(work for work in lighthouses(context) if work.name == name)
    assert work.occupancy == pytest.approx(occupancy, rel=5e-3)
    assert work.data_s == pytest.approx(data_s, rel=5e-3)
    assert work.compute_s == pytest.approx(compute_s, rel=5e-3)
    assert work.fits == (occupancy <= 1)


def test_the_feasible_designs_on_the_device():
    feasible = {
        (model, kernels, rate)
        for model, kernels, rate in itertools.product(ZOO, KERNELS, range(1, 11))
        if KeywordSpotter.compute("tiny", model=model, kernels=kernels, rate_hz=rate).feasible
    }
    assert feasible == {("crnn_s", "cmsis_int8", rate) for rate in range(3, 8)} | {("dscnn_s", "cmsis_int8", 4)}
    cheapest = min(feasible, key=lambda design: device(model=design[0], rate_hz=design[2]).average_power_w)
    assert cheapest == ("crnn_s", "cmsis_int8", 3)
    outcome = device(model="crnn_s", rate_hz=3)
    assert outcome.average_power_w == pytest.approx(4.10e-3, rel=2e-3)
    assert outcome.response_s == pytest.approx(0.3470, abs=5e-5)


def test_the_feasible_designs_in_the_cloud():
    stops = KeywordSpotter.controls_in("cloud")["streams"].values()
    assert {1e6, 2e6} <= set(stops)
    feasible = {
        (model, rate, streams)
        for model, rate, streams in itertools.product(ZOO, range(1, 11), stops)
        if KeywordSpotter.compute("cloud", model=model, rate_hz=rate, streams=streams).feasible
    }
    loads = [stop for stop in stops if 1e6 <= stop < 1.5e6]
    assert len(loads) == 4
    expected = {("crnn_l", rate, load) for rate in range(5, 11) for load in loads}
    expected |= {("dscnn_l", rate, load) for rate in (5, 6) for load in loads}
    expected |= {("dscnn_l", 7, load) for load in loads[:2]} | {("dscnn_l", 8, loads[0])}
    assert feasible == expected


@pytest.mark.parametrize(
    ("controls", "expected"),
    [
        ({"model": "dnn_s", "kernels": "reference_int8"}, {"duty": 0.642, "average_power_w": 64.2e-3}),
        ({"model": "dnn_s", "kernels": "reference_fp32"}, {"u_machine": 1.22}),
        ({"rate_hz": 5}, {"average_power_w": 11.24e-3}),
        ({"rate_hz": 3}, {"response_s": 0.3558}),
        ({"model": "dscnn_m"}, {"u_machine": 0.722, "average_power_w": 33.3e-3}),
        ({"model": "dscnn_l"}, {"u_machine": 1.90}),
        ({"kernels": "reference_int8"}, {"u_algorithm": 21.6}),
    ],
)
def test_naive_moves_fail_on_the_device(controls, expected):
    outcome = device(**controls)
    assert not outcome.feasible
    for name, value in expected.items():
        assert getattr(outcome, name) == pytest.approx(value, rel=2.5e-3)


def test_naive_moves_fail_in_the_cloud():
    start = cloud()
    assert (start.u_data, start.accuracy_pct) == (pytest.approx(1.28), 94.4)
    assert start.response_s == pytest.approx(0.370, abs=1e-4)
    assert start.max_streams == 1_562_500
    assert start.capacities == pytest.approx({"Data": 1.5625e6, "Algorithm": 22.9e6, "Machine": 2.5e6}, rel=2e-3)
    assert start.watts_per_stream == pytest.approx(350e-6)
    busy = cloud(model="dscnn_l", rate_hz=10, streams=1e6)
    assert busy.binding_axis == "algorithm"
    assert busy.u_algorithm == pytest.approx(1.151, abs=5e-4)


def test_duty_is_the_sum_of_data_and_arithmetic():
    for kernels, rate in itertools.product(KERNELS, (1, 4, 10)):
        outcome = device(kernels=kernels, rate_hz=rate)
        assert outcome.duty == pytest.approx(outcome.u_data + outcome.u_algorithm)
    assert device(kernels="reference_fp32").average_power_w == pytest.approx(0.1)


@pytest.mark.parametrize("rate", range(1, 11))
def test_the_longest_inference_is_where_the_limits_are(rate):
    allowed = device(rate_hz=rate).longest_s
    for model, kernels in itertools.product(ZOO, KERNELS):
        outcome = device(model=model, kernels=kernels, rate_hz=rate)
        held = [constraint.holds(outcome) for constraint in tiny_constraints()]
        assert (held[2] and held[3]) == (outcome.inference_s <= allowed)
        assert all(held) == outcome.feasible


def tiny_constraints() -> Any:
    lab = MagnitudeGapLab(DesignLedger(open_store("sqlite://"), new_student_id()))
    lab.set_context("tiny")
    return lab.act2.constraints()


# --- texts ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "predicted", "gap", "quoted"),
    [
        ("A", "1,000", "6 orders", ("528 tensor cores", "1,024 operations", "8.5 times")),
        ("B", "1 million", "3 orders", ("2.29 million", "0.23 %", "2.4 of the missing")),
        ("C", "1 billion", "0.0048 orders", ("measured",)),
        ("D", "1 trillion", "3 orders", ("1,010 H100s",)),
    ],
)
def test_reveal_of_act_1(lab, option, predicted, gap, quoted):
    shown = lab.act1.prediction().gap(option)
    assert (shown.predicted, shown.actual, shown.text) == (predicted, "989 million", gap)
    assert "9.0 orders in arithmetic, 5.5 in memory, 4.8 in bandwidth, 3.8 in power" in shown.why
    assert all(words in shown.why for words in quoted)
    assert shown.correct == (option == "C")


@pytest.mark.parametrize(
    ("option", "predicted", "gap", "quoted"),
    [
        ("A", "Machine: 0.589", "36.7 times", "154 kB"),
        ("B", "Data: 0.0124", "1,749 times", "0.62 MB/s of 50"),
        ("C", "Algorithm: 21.6", "1.00 times", "5.40 s"),
        ("D", "no axis: 1.00", "21.6 times", "not sufficient"),
    ],
)
def test_reveal_of_act_2(lab, option, predicted, gap, quoted):
    shown = lab.act2.prediction().gap(option)
    assert (shown.predicted, shown.actual, shown.text) == (predicted, "Algorithm: 21.6", gap)
    assert quoted in shown.why
    assert "21.6 times its limit" in shown.why


def test_concept_shows_no_figure_of_the_h100(lab):
    assert "H100" not in lab.act1.concept()
    assert "989" not in lab.act1.message().text


def test_options_without_a_size_are_not_sorted_by_the_answer(lab):
    assert not lab.act2.prediction().numeric
    assert [option.id for option in lab.options_in_order(lab.act1.prediction())] == list("ABCD")
    assert [option.id for option in lab.options_in_order(lab.act1.reflection())] == list("BADC")


def test_reflections_quote_the_sheet(lab):
    first = {option.id: option for option in lab.act1.reflection().options}
    assert [first[name].text.split(":")[0] for name in "ABCD"] == [
        "About 700 W",
        "About 70 W",
        "About 99 MW",
        "About 70 kW",
    ]
    assert "141,286 times" in first["C"].feedback
    assert "567 times" in first["B"].feedback
    assert "10 million operations per joule, the H100 1.41 trillion" in first["A"].feedback
    second = {option.id: option for option in lab.act2.reflection().options}
    assert "port is 64 % busy, its memory 40 %, its arithmetic 4 %" in second["A"].feedback
    assert "0.589" in second["D"].feedback


def test_messages_and_notes(lab):
    assert "256 KB of SRAM" in lab.act2.message().text
    assert "94 %" in lab.act2.message().text
    assert "9.30 orders" in lab.act1.peek().note
    assert "295 on the H100, 0.02 on" in lab.act1.peek().note
    assert "249 Mop/s" in lab.act2.peek().note
    assert "3.2 mW" in lab.instructor_notes


# --- failures -------------------------------------------------------------------------------------------------


def banners(lab: MagnitudeGapLab) -> list[str]:
    return [f"{failure.title} {failure.text(lab.act2.outcome)}" for failure in lab.act2.active_failures()]


def test_failures_of_the_device_come_and_go(lab):
    in_act2(lab)
    lab.set_context("tiny")
    assert banners(lab) == [
        "REAL TIME MISSED: one inference takes 5.40 s, 4 per second need 0.250 s or less. The device falls 21.6 times "
        "behind."
    ]
    assert not lab.constraint_hit
    lab.set_control("act2", "kernels", "cmsis_int8")
    assert banners(lab) == []
    lab.set_control("act2", "model", "dscnn_l")
    assert banners(lab) == ["DOES NOT FIT: DS-CNN-L at INT8 needs 497.6 kB, the chip has 262.1 kB. There is no paging."]
    assert lab.constraint_hit


def test_failures_of_the_cloud_come_and_go(lab):
    in_act2(lab)
    assert banners(lab) == [
        "INGEST SATURATED: 2 million streams bring 64.0 GB/s, the port takes 50 GB/s. The arithmetic is 8.7 % busy."
    ]
    lab.set_control("act2", "streams", 1e6)
    assert banners(lab) == []
    lab.set_control("act2", "model", "dscnn_l")
    lab.set_control("act2", "rate_hz", 10.0)
    assert banners(lab)[0].startswith(
        "ARITHMETIC SATURATED: 1 million streams of DS-CNN-L at 10 Hz ask for 569 TFLOP/s"
    )
    # A caution is no cliff.
    assert not lab.constraint_hit


# --- ledger ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "orders"), [("A", 3), ("B", 6), ("C", 9), ("D", 12)])
def test_prediction_is_saved_in_orders(lab, option, orders):
    in_act2(lab, guess=option)
    assert lab.design()["act1_prediction"] == orders
    assert lab.design()["act1_correct"] == (option == "C")


@pytest.mark.parametrize(
    ("context", "controls", "expected"),
    [
        (
            "tiny",
            {"kernels": "cmsis_int8"},
            {"act2_result": 8.9926, "act2_decision": "dscnn_s", "kernels": "cmsis_int8", "binding_axis": "machine"},
        ),
        (
            "cloud",
            {"model": "dscnn_l", "rate_hz": 5.0, "streams": 1e6},
            {"act2_result": 1e6, "act2_decision": "dscnn_l", "kernels": "cloud_fp16", "binding_axis": "data"},
        ),
    ],
)
def test_saved_entry(lab, context, controls, expected):
    in_act2(lab)
    lab.set_context(context)
    for name, value in controls.items():
        lab.set_control("act2", name, value)
    lab.answer("act2", "B")
    lab.save()
    saved = lab.ledger.get(1)
    assert set(saved) == set(contract_of("ch01").fields)
    assert saved["context"] == context
    assert saved["rate_hz"] == controls.get("rate_hz", 4)
    result = expected.pop("act2_result")
    assert saved["act2_result"] == pytest.approx(result, rel=1e-4)
    assert {name: saved[name] for name in expected} == expected


def test_every_network_is_a_word_of_the_contract():
    assert set(ZOO) == set(contract_of("ch01").fields["act2_decision"].vocabulary)
    assert set(KERNELS) | {"cloud_fp16"} == set(contract_of("ch01").fields["kernels"].vocabulary)


@pytest.mark.parametrize(
    ("home", "context"), [("cloud", "cloud"), ("edge", "cloud"), ("mobile", "tiny"), ("tiny", "tiny")]
)
def test_the_home_context_presets_the_toggle(ledger, home, context):
    lab = with_lab_00(ledger, home_context=home)
    assert lab.context == context
    assert lab.context_source == "Lab 00"


def test_the_patch_of_lab_00_is_quoted(ledger):
    assert "lived **221 days**" in with_lab_00(ledger).act2.from_ledger()
    assert with_lab_00(ledger, act2_result=None).act2.from_ledger() == ""


def test_without_an_entry_it_opens_in_the_cloud(lab):
    assert (lab.context, lab.context_source, lab.act2.from_ledger()) == ("cloud", "", "")


# --- pictures -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(("guess", "axis"), [("A", "B"), ("D", "D")])
def test_instruments_keep_their_structure_at_the_extremes(lab, context, guess, axis):
    in_act2(lab, guess, axis)
    lab.set_context(context)
    for act in (lab.act1, lab.act2):
        structures = set()
        ends = [(spec.values()[0], spec.default, spec.values()[-1]) for spec in act.specs.values()]
        for values in itertools.product(*ends):
            for name, value in zip(act.specs, values, strict=True):
                act.set(name, value)
            plots = act.plots(act.outcome)
            structures.add(tuple(plot.structure() for plot in plots.values()))
            for plot in plots.values():
                assert plot.caption
                for layer in plot.layers:
                    layer.columns()
        assert len(structures) == 1


def test_the_prediction_is_drawn_where_it_was_made(lab):
    in_act2(lab, "D", "A")
    assert "your prediction, 10¹² →" in written(lab.act1.plots(lab.act1.outcome)["gap"])
    assert "your prediction" in written(lab.act1.plots(lab.act1.outcome)["shapes"])
    assert "▲ your prediction: over its limit" in written(lab.act2.plots(lab.act2.outcome)["dam"])
    assert lab.act2.predicted_axis() == "machine"


def test_a_bridged_quantity_says_so_and_operations_per_joule_never_do(lab):
    in_act2(lab)
    lab.set_control("act1", "k", 10.0)
    shown = written(lab.act1.plots(lab.act1.outcome)["gap"])
    assert [text for text in shown if text.startswith("✓")] == [
        "✓ at k = 9.00",
        "✓ at k = 5.48",
        "✓ at k = 4.83",
        "✓ at k = 3.85",
    ]
    assert "5.15 orders" in shown


def test_the_zoo_map_names_what_meets_every_limit(lab):
    in_act2(lab)
    lab.set_context("tiny")
    lab.set_control("act2", "kernels", "cmsis_int8")
    assert "2 of 12 networks meet every limit: CRNN-S, DS-CNN-S" in lab.act2.plots(lab.act2.outcome)["zoo"].caption
    lab.set_control("act2", "rate_hz", 2.0)
    assert "alone takes 500.0 ms" in lab.act2.plots(lab.act2.outcome)["zoo"].caption


def test_tables_emphasise_the_question_of_the_context(lab):
    in_act2(lab)
    (table,) = lab.act1.tables(lab.act1.outcome)
    assert table.rows[table.emphasis][0] == "H100: longer term"
    assert table.rows[table.emphasis][-1] == "bytes, 148 ×"
    lab.set_context("tiny")
    (table,) = lab.act1.tables(lab.act1.outcome)
    assert table.rows[table.emphasis] == (
        "microcontroller: SRAM",
        "fits, 14.7 %",
        "13.37 times too big",
        "97.49 times too big",
        "5,722 times too big",
    )
    assert table.rows[1][1:] == ("5.40 s", "600 s", "8,201 s", "3,030 s")


def test_instruments_take_missing_values():
    gaps = [Gap("arithmetic", 9.0), Gap("op per joule", 5.0, scales=False)]
    words: dict[str, Any] = {"title": "t", "x_label": "x"}
    plots = [
        magnitude_gap(gaps, k=0, predicted_orders=None, **words),
        machine_shapes(gaps, k=3, predicted_orders=None, larger="a", smaller="b", **words),
        workload_terms([Workload("w", 1e-3, 2.0, 3.0)], memory="SRAM", low_s=1e-4, high_s=1e3, title="t"),
        dam_comparison([Usage("a", (0.0, 2.0, 1.0))], start=(0.1, 0.1, 0.1), predicted=None, title="t"),
        capacity_bars({"a": 10.0, "b": 1e12}, load=1e5, load_text="", target=1e6, target_text="", **words),
    ]
    for plot in plots:
        assert Figure(plot).title == "t"
        assert not any("prediction" in text for text in written(plot))


@pytest.mark.parametrize(
    ("value", "text"),
    [(7000, "7,000"), (989e6, "989 million"), (1.5625e6, "1.56 million"), (999_900, "1 million"), (1e12, "1 trillion")],
)
def test_counts_in_words(value, text):
    assert count(value) == text


def test_small_texts_of_instruments():
    assert [power_of_ten(e) for e in (-6, 0, 12)] == ["10⁻⁶", "1", "10¹²"]
    assert [seconds_text(s) for s in (11.5e-9, 5.4, 8201.0)] == ["11.5 ns", "5.40 s", "8,201 s"]
