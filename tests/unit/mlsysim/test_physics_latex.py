"""The printed equation and the running code are the same function.

Each equation is read by SymPy and evaluated at random arguments.  Symbols that an equation leaves to a second
clause or to another formula (sigma, Erlang's C, bytes per parameter) get their value here, by another route
than the code's where there is one.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from string import ascii_lowercase
from typing import Any

import lark
import mpmath
import numpy as np
import pytest
import sympy
from formula_samples import sample
from scipy import optimize, special
from sympy.parsing.latex import parse_latex
from sympy.parsing.latex.errors import LaTeXParsingError

from mlsysim.physics import (
    FORMULAS,
    analytic_gaussian_delta,
    attention_traffic_bytes,
    dm1_sigma,
    epsilon_composition_advanced,
    erlang_c,
    mmc_survival,
    mmc_wait_percentile,
    one_proportion_sample_size,
    resident_fraction,
    staleness_cost,
    transformer_activation_bytes_per_layer,
    zcdp_rho_from_epsilon,
)
from mlsysim.physics.registry import FormulaSpec
from mlsysim.physics.training import OPTIMIZER_BYTES, STORAGE_BYTES

POINTS = 25

UNPARSEABLE = {
    "availability_series": "a product over a list of arguments",
    "erlang_sum_quantile": "the inverse of a function (compared with SciPy elsewhere)",
    "bucketed_mean_time": "a sum over buckets of the time of another formula",
    "cnn_inference_memory": "a maximum over a list of arguments",
    "cnn_training_memory": "a sum over a list of arguments",
    "pyramid_macs": "a value per stage",
    "pyramid_values": "a value per stage",
    "pyramid_weights": "a value per stage",
    "batched_fleet_mean": "stands for four queues; the mean of the queue is a symbol with a superscript",
    "batched_fleet_p99": "stands for four queues, written as a function of rate, service and servers",
    "batched_fleet_survival": "a probability of an event, not an expression",
    "dam_utilization": "three ratios as one vector",
    "leaf_spine_counts": "three counts as one vector",
    "wilson_interval": "two ends as one vector",
    "exact_checkpoint_interval": "SymPy's LaTeX parser has no Lambert W (compared with SciPy elsewhere)",
    "pipeline_throughput": "the smallest of a list of arguments",
    "serial_throughput": "a sum over a list of arguments",
    "gaussian_shift_bin_shares": "a value per bin, with the normal distribution function",
    "gaussian_shift_psi": "a sum over bins",
    "shift_for_psi": "the inverse of a function",
    "psi_null_quantile": "a quantile of the chi-square distribution (compared with SciPy elsewhere)",
    "psi_false_alarm_probability": "a probability of an event, not an expression",
    "population_stability_index": "a sum over two lists of arguments",
    "series_mtbf": "a sum over a list of arguments",
    "gaussian_crest_factor": "an integral to infinity (compared with SciPy elsewhere)",
    "aggregate_error": "a sum over two lists of arguments",
    "binormal_fpr": "the normal distribution function (compared with SciPy elsewhere)",
    "binormal_rates": "five rates at once, with the normal distribution function",
    "binormal_tpr": "the normal distribution function (compared with SciPy elsewhere)",
    "confusion_rates": "seven rates at once",
    "rates_from_selection": "two rates at once",
    "kleinrock_invariant": "a sum over two lists of arguments",
    "lindley_waits": "a recursion over a list of arguments",
    "priority_responses_preemptive": "a response per class",
    "priority_waits_nonpreemptive": "a wait per class",
    "service_moments": "three moments as one vector",
    "d_prime_from_rates": "the inverse of the normal distribution function (compared with SciPy elsewhere)",
    "harmonic_number": "a sum to an argument (compared with SciPy elsewhere)",
    "analytic_gaussian_delta": "the normal distribution function (compared with SciPy elsewhere)",
    "laplace_sum_mean_abs_error": "the gamma function (compared with SciPy elsewhere)",
    "certified_radius_l2": "the inverse of the normal distribution function (compared with SciPy elsewhere)",
    "detector_tpr": "the normal distribution function and its inverse (compared with SciPy elsewhere)",
    "max_certified_radius": "the inverse of the normal distribution function (compared with SciPy elsewhere)",
}

Arguments = dict[str, Any]
Auxiliary = dict[str, Callable[[Arguments, Any], Any]]


def _sigma(utilization: str) -> Auxiliary:
    return {r"\sigma": lambda a, _: dm1_sigma(a[utilization])}


def _md1_root(a: Arguments) -> float:
    rho = a["utilization"]
    return float(optimize.brentq(lambda x: rho * np.expm1(x) - x, np.log(1 / rho), 50.0, xtol=1e-13))


MD1_TAIL: Auxiliary = {
    "x": lambda a, _: _md1_root(a),
    "C": lambda a, _: (1 - a["utilization"]) / (a["utilization"] * np.exp(_md1_root(a)) - 1),
}
ERLANG: Auxiliary = {"C": lambda a, _: erlang_c(a["servers"], a["arrival_per_s"] * a["service_s"])}
# SymPy's parser does not know the number by its name.
PI: Auxiliary = {r"\pi": lambda a, _: np.pi}
STATE: Auxiliary = {
    "b_w": lambda a, _: STORAGE_BYTES[a["precision"]][0],
    "b_g": lambda a, _: STORAGE_BYTES[a["precision"]][1],
    "b_m": lambda a, _: STORAGE_BYTES[a["precision"]][2],
    "b_o": lambda a, _: OPTIMIZER_BYTES[a["optimizer"]],
}


HARMONIC_BATCH: Auxiliary = {
    "H_B": lambda a, _: special.digamma(a.get("batch", a.get("slots")) + 1) + np.euler_gamma,
}


def _erlang_b(a: Arguments) -> float:
    load, servers = a["offered_erlangs"], a["servers"]
    terms = [load**k / float(sympy.factorial(k)) for k in range(servers + 1)]
    return terms[-1] / sum(terms)


def _shard(stage: int) -> Callable[[Arguments, Any], Any]:
    return lambda a, _: a["dp_ranks"] if a["zero_stage"] >= stage else 1


def _recomputed(a: Arguments) -> float:
    if a["checkpoints"] > 0:
        return 2 * a["trainable_fraction"] * a["params"] * a["tokens"]
    if a["keep_scores"]:
        return 0.0
    return 4 * a["trainable_fraction"] * a["seq_len"] * a["width"] * a["layers"] * a["tokens"]


HARMONIC: Auxiliary = {
    "H_n": lambda a, _: special.digamma(a["invited"] + 1) + np.euler_gamma,
    "H_{n-k}": lambda a, _: special.digamma(a["invited"] - a["needed"] + 1) + np.euler_gamma,
}
DEPTH: Auxiliary = {"D": lambda a, _: (a["ranks"] - 1).bit_length()}


def _between_nodes(a: Arguments) -> float:
    shard, nodes, depth = a["message_bytes"] / a["gpus_per_node"], a["nodes"], (a["nodes"] - 1).bit_length()
    steps, messages = {
        "ring": (2 * (nodes - 1), 2 * (nodes - 1) / nodes),
        "tree": (2 * depth, 2 * depth),
        "double_tree": (2 * depth, 2 if nodes > 1 else 0),
    }[a["inter_algorithm"]]
    return steps * a["inter_latency_s"] + messages * shard / a["inter_bandwidth_bytes_s"]


AUXILIARY: dict[str, Auxiliary] = {
    "exponential_order_statistic": HARMONIC,
    "over_selected_round_time": HARMONIC,
    "dm1_sigma": {r"\sigma": lambda a, result: result},
    "dm1_mean_latency": _sigma("utilization"),
    "dm1_latency_percentile": _sigma("utilization"),
    "dm1_overflow_probability": _sigma("utilization"),
    "dm1_survival": _sigma("utilization"),
    "md1_latency_percentile": MD1_TAIL,
    "md1_survival_approx": MD1_TAIL,
    "allen_cunneen_multiple": {"C": lambda a, _: erlang_c(a["servers"], a["servers"] * a["utilization"])},
    "erlang_c": {"b_c": lambda a, _: _erlang_b(a)},
    "mmc_mean_latency": ERLANG,
    "mmc_wait_percentile": ERLANG,
    "mmc_survival": {
        **ERLANG,
        r"\mu": lambda a, _: 1 / a["service_s"],
        r"\theta": lambda a, _: a["servers"] / a["service_s"] - a["arrival_per_s"],
    },
    "mdc_latency_percentile_approx": {"w_q": lambda a, _: mmc_wait_percentile(**a)},
    "zero_state_bytes": {"s_1": _shard(1), "s_2": _shard(2), "s_3": _shard(3)},
    "pipeline_activation_bytes": {
        "k": lambda a, _: 1 + (a["stages"] - 1) / (a["stages"] * a["interleave"]) * (a["interleave"] > 1)
    },
    "training_state_bytes_per_param": STATE,
    "training_memory": STATE,
    "unsharded_state_bytes": STATE,
    "max_trainable_params": STATE,
    "transformer_activation_bytes_per_layer": {"c": lambda a, _: 2 if a["precision"] == "fp32" else 1},
    "transformer_activation_bytes": {
        "c_i": lambda a, _: 4 if a["precision"] == "fp32" else 2,
        "A": lambda a, _: transformer_activation_bytes_per_layer(
            **{k: v for k, v in a.items() if k not in ("layers", "checkpoints")}
        ),
    },
    "micro_step_time": {"r": lambda a, _: _recomputed(a)},
    "tiered_transfer_time": {
        "h": lambda a, _: resident_fraction(a["working_set_bytes"], a["capacity_bytes"], a["placement"])
    },
    "attention_traffic_bytes": {"z": lambda a, _: a["algorithm"] == "materialized"},
    "transformer_forward_time": {
        "P": lambda a, _: 12 * a["layers"] * a["width"] ** 2,
        "D": lambda a, _: attention_traffic_bytes(
            **{k: a[k] for k in ("seq_len", "width", "layers", "bytes_per_value", "algorithm", "head_dim")}
        ),
        "k": lambda a, _: 12 if a["algorithm"] == "materialized" else 10,
    },
    "forward_memory_bytes": {
        "P": lambda a, _: 12 * a["layers"] * a["width"] ** 2,
        "S": lambda a, _: (
            a["width"]
            / a["head_dim"]
            * (a["seq_len"] ** 2 * a["bytes_per_value"] if a["algorithm"] == "materialized" else 4 * a["seq_len"])
        ),
    },
    "one_proportion_sample_size": {
        r"z_{1-\alpha/2}": lambda a, _: special.ndtri(1 - a["alpha"] / 2),
        r"z_{\pi}": lambda a, _: special.ndtri(a["power"]),
    },
    "triggered_interval_days": {
        "n": lambda a, _: one_proportion_sample_size(a["accuracy0"], a["accuracy0"] - a["drop"], a["alpha"], a["power"])
    },
    "retraining_cost_rate": {
        "S": lambda a, _: staleness_cost(**{k: v for k, v in a.items() if k != "run_cost_usd"}),
    },
    "static_batch_stretch": HARMONIC_BATCH,
    "static_batch_waste": HARMONIC_BATCH,
    "static_resident_tokens": HARMONIC_BATCH,
    "static_capacity": HARMONIC_BATCH,
    "static_ttft_percentile": {"s": lambda a, _: 1 + a["cv"] * (special.digamma(a["slots"] + 1) + np.euler_gamma - 1)},
    "continuous_ttft_percentile": {
        r"\mathrm{TPOT}": lambda a, _: a["iteration_s"] / (1 - a["arrival_per_s"] * a["prefill_s"]),
        "w_q": lambda a, _: mmc_wait_percentile(
            a["arrival_per_s"],
            a["mean_output_tokens"] * a["iteration_s"] / (1 - a["arrival_per_s"] * a["prefill_s"]),
            a["slots"],
            a["percentile"],
        ),
    },
    "diurnal_intensity": PI,
    "window_mean_intensity": PI,
    "shift_saving_fraction": PI,
    "zcdp_rho_from_epsilon": {"L": lambda a, _: -np.log(a["delta"])},
    "zcdp_noise_multiplier": {r"\rho": lambda a, _: zcdp_rho_from_epsilon(a["epsilon"], a["delta"])},
    "gaussian_mean_abs_error": {r"\pi": lambda a, _: np.pi},
    "normal_density": {r"\pi": lambda a, _: np.pi},
    "round_to_grid": {"n": lambda a, _: 2 ** (a["bits"] - 1) - 1},
    "tree_allreduce_time": DEPTH,
    "double_binary_tree_allreduce_time": DEPTH,
    "halving_doubling_allreduce_time": DEPTH,
    "ring_tree_crossover_bytes": DEPTH,
    "hierarchical_allreduce_time": {"T_o": lambda a, _: _between_nodes(a)},
    "optimizer_step_time": {
        **STATE,
        "w": lambda a, _: STORAGE_BYTES[a["precision"]][2] or STORAGE_BYTES[a["precision"]][0],
        "c": lambda a, _: 2 if a["precision"] == "mixed" else 0,
    },
}


def _stable(a: Arguments) -> bool:
    return 0.01 < a["utilization"] < 0.98


def _mmc_stable(a: Arguments) -> bool:
    return bool(0.01 < a["arrival_per_s"] * a["service_s"] / a["servers"] < 0.98)


# Where an equation is printed for one branch, only that branch is compared; others have tests of their own.
BRANCH: dict[str, Callable[[Arguments], bool]] = {
    **{name: _stable for name in FORMULAS if name.startswith(("mm1_", "md1_", "dm1_"))},
    **{name: _mmc_stable for name in FORMULAS if name.startswith(("mmc_", "mdc_"))},
    "allen_cunneen_multiple": _stable,
    "mg1_wait": lambda a: 0.01 < a["arrival_per_h"] * a["mean_h"] < 0.98,
    "pollaczek_khinchine_multiple": _stable,
    "preempted_service_time": lambda a: a["preemption_per_h"] * a["cost_h"] < 0.98,
    "mm1_max_utilization": lambda a: True,
    "dm1_max_utilization": lambda a: -np.log1p(-a["percentile"]) * a["service_s"] < a["latency_budget_s"],
    "md1_latency_percentile": lambda a: _stable(a) and a["utilization"] > 0.2 and a["percentile"] > 0.9,
    "md1_survival_approx": lambda a: _stable(a) and a["time_s"] > a["service_s"],
    "erlang_c": lambda a: a["offered_erlangs"] < a["servers"],
    "min_check_period": lambda a: a["energy_j"] / a["target_life_s"] > a["sleep_power_w"],
    "optimal_retrain_interval": lambda a: np.isfinite(FORMULAS["optimal_retrain_interval"](**a)),
    "compile_breakeven_items": lambda a: a["eager_item_s"] > a["compiled_item_s"],
    "daly_interval": lambda a: a["checkpoint_s"] < 2 * a["mtbf_s"],
    "goodput_exact": lambda a: (a["interval_s"] + a["checkpoint_s"]) / a["mtbf_s"] < 100,
    "transformer_activation_bytes": lambda a: a["checkpoints"] > 0,
    "layer_time": lambda a: a["fused"],
    "resident_fraction": lambda a: a["placement"] == "planned",
    "gemm_ridge_batch": lambda a: (
        2 * a["n"] * a["k"] > a["ridge_flop_per_byte"] * a["bytes_activation"] * (a["n"] + a["k"])
    ),
    "quantized_bits_per_weight": lambda a: a["bits"] < 16,
    "pruned_bits_per_weight": lambda a: a["pattern"] == "unstructured" and a["bits"] < 16,
    "update_bytes": lambda a: a["bits"] < 16,
    "stochastic_rounding_variance": lambda a: 2 < a["bits"] < 16,
    "panel_audit_cost": lambda a: a["recruitment"] == "stratified",
    "decode_token_time": lambda a: a["arrival_per_s"] * a["prefill_s"] < 0.98,
    "continuous_ttft_percentile": lambda a: np.isfinite(FORMULAS["continuous_ttft_percentile"](**a)),
    "double_binary_tree_allreduce_time": lambda a: a["ranks"] > 1,
    "star_allreduce_time": lambda a: a["ranks"] > 1,
    "breakeven_attack_share": lambda a: a["clean_a"] > a["clean_b"] and a["robust_b"] > a["robust_a"],
}

# An equation that is solved for its result: what its left-hand side is at that result.
LEFT_HAND_SIDE: dict[str, Callable[[Arguments, Any], Any]] = {
    "analytic_gaussian_sigma": lambda a, result: analytic_gaussian_delta(a["sensitivity"], a["epsilon"], result),
    "per_release_epsilon_advanced": lambda a, result: epsilon_composition_advanced(
        result, a["releases"], a["delta_slack"]
    ),
    "optimal_retrain_interval": lambda a, result: special.gammainc(2, a["decay_per_day"] * result),
    "mmc_latency_percentile": lambda a, result: mmc_survival(result, a["arrival_per_s"], a["service_s"], a["servers"]),
}

COMMAND = re.compile(r"\\[A-Za-z]+|\\.|.", re.S)
SUBSCRIPT = re.compile(r"_(\{[^{}]*\}|\\[A-Za-z]+|.)")
OPERAND = r"(?=x_|\\frac|\\left|\\ln|\\sqrt|\\max|\\min|\\exp|\(|e\^)"


def _right_hand_side(spec: FormulaSpec) -> str:
    if spec.sympy_latex is not None:
        return spec.sympy_latex
    first_clause = re.split(r", \\q?quad|\\quad", spec.latex)[0]
    return re.split(r"(?<![<>])=|\\approx", first_clause, maxsplit=1)[1]


def _placeholder(i: int) -> str:
    # The parser knows subscripts of one character only.
    return f"x_{{{ascii_lowercase[i]}}}"


def _with_placeholders(latex: str, symbols: list[str]) -> str:
    """Every symbol as x_{a}, x_{b} ... (long names survive), every product written out."""
    out, i = "", 0
    longest_first = sorted(symbols, key=len, reverse=True)
    while i < len(latex):
        for symbol in longest_first:
            rest = latex[i + len(symbol) :]
            command_goes_on = re.fullmatch(r"\\[A-Za-z]+", symbol) and rest[:1].isalpha()
            if latex.startswith(symbol, i) and not command_goes_on and rest[:1] != "_":
                out, i = out + _placeholder(symbols.index(symbol)), i + len(symbol)
                break
        else:
            token = SUBSCRIPT.match(latex, i) or COMMAND.match(latex, i)
            assert token is not None
            out, i = out + (" " if token[0] in (r"\,", r"\;") else token[0]), i + len(token[0])
    out = out.replace("[", "(").replace("]", ")").replace(r"\left\l", r"\l").replace(r"\right\r", r"\r")
    return re.sub(rf"([)}}\d]|\\rceil|\\rfloor)\s*{OPERAND}", r"\1 \\cdot ", out)


def _parsed(spec: FormulaSpec) -> sympy.Expr | None:
    symbols = [v.symbol for v in spec.variables.values()] + list(AUXILIARY.get(spec.name, {}))
    try:
        parsed = parse_latex(_with_placeholders(_right_hand_side(spec), symbols), backend="lark")
    except (lark.exceptions.LarkError, LaTeXParsingError, IndexError):
        return None
    if not isinstance(parsed, sympy.Expr):
        return None
    parsed = parsed.subs(sympy.Symbol("e"), sympy.E)
    known = {sympy.Symbol(_placeholder(i)) for i in range(len(symbols))}
    return parsed if parsed.free_symbols <= known else None


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_equation_is_the_code(name: str) -> None:
    spec = FORMULAS[name].spec
    parsed = _parsed(spec)
    if name in UNPARSEABLE:
        assert parsed is None, f"{name} can be parsed now: take it off the list"
        return
    assert parsed is not None, f"{name} cannot be parsed: {_right_hand_side(spec)}"
    symbols = [sympy.Symbol(_placeholder(i)) for i in range(len(spec.variables) + len(AUXILIARY.get(name, {})))]
    # Compiled once: to put numbers into nested maxima and minima, SymPy compares their arguments anew at each point.
    equation = sympy.lambdify(symbols, parsed, "mpmath")
    generator = np.random.default_rng(zlib.crc32(name.encode()))
    branch = BRANCH.get(name, lambda a: True)
    compared = 0
    for _ in range(200 * POINTS):
        arguments = sample(spec, generator)
        if not branch(arguments):
            continue
        result = FORMULAS[name](**arguments)
        values = [*arguments.values(), *(f(arguments, result) for f in AUXILIARY.get(name, {}).values())]
        words = {symbol for symbol, value in zip(symbols, values, strict=True) if isinstance(value, str)}
        assert not words & parsed.free_symbols, f"{name}: the equation counts with {words}, which are no numbers"
        numbers = [mpmath.nan if isinstance(value, str) else mpmath.mpf(float(value)) for value in values]
        with mpmath.workdps(40):
            expected = float(equation(*numbers))
        actual = result["total_bytes"] if isinstance(result, dict) else result
        if name in LEFT_HAND_SIDE:
            actual = LEFT_HAND_SIDE[name](arguments, result)
        assert actual == pytest.approx(expected, rel=1e-7, abs=1e-300), arguments
        compared += 1
        if compared == POINTS:
            return
    assert compared >= 5, f"{name}: only {compared} points on its branch"


def test_the_lists_name_registered_formulas() -> None:
    assert set(UNPARSEABLE) | set(AUXILIARY) | set(BRANCH) <= set(FORMULAS)
