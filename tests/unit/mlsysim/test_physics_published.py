"""Figures that the course or the literature prints, and values by an independent route."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize
from scipy.special import lambertw

from mlsysim.core.hardware import Hardware
from mlsysim.core.models import Models
from mlsysim.physics import (
    batched_fleet_p99,
    batched_fleet_survival,
    checkpoint_overhead,
    cluster_mtbf,
    daly_interval,
    dm1_latency_percentile,
    dm1_sigma,
    erlang_c,
    exact_checkpoint_interval,
    expected_failures,
    goodput_exact,
    kv_cache_bytes,
    max_batch_in_memory,
    md1_latency_percentile,
    mm1_latency_percentile,
    mm1_mean_latency,
    mmc_latency_percentile,
    mmc_mean_latency,
    optimizer_step_time,
    overload_wait,
    pipeline_bubble_fraction,
    ridge_point,
    training_memory,
    transformer_activation_bytes_per_layer,
    usd_per_million,
    young_interval,
)


def test_ridge_points() -> None:
    cloud, edge = Hardware.Cloud, Hardware.Edge
    assert ridge_point(cloud.H100.peak_fp16, cloud.H100.mem_bandwidth) == pytest.approx(295.2, abs=0.05)
    assert cloud.H100.ridge_point_fp16 == pytest.approx(295.2, abs=0.05)
    assert cloud.A100.ridge_point_fp16 == pytest.approx(153.0, abs=0.05)
    assert edge.JetsonOrinNano.ridge_point_fp16 == pytest.approx(147.1, abs=0.05)
    assert edge.JetsonOrinNX.ridge_point_fp16 == pytest.approx(245.1, abs=0.05)
    assert Hardware.Tiny.CortexM7.ridge_point_fp16 is None


def test_kv_cache_per_token() -> None:
    big, small = Models.Language.Llama3_70B, Models.Language.Llama2_7B
    for model, expected in ((big, 327_680), (small, 524_288)):
        assert kv_cache_bytes(model.layers, model.kv_heads, model.head_dim, 1, 1, 2) == expected


def test_young_interval_of_the_chapter() -> None:
    assert young_interval(120, 3 * 3600) / 60 == pytest.approx(26.8, abs=0.05)
    assert checkpoint_overhead(600, 120, 10_800) == pytest.approx(0.228, abs=5e-4)
    assert checkpoint_overhead(3600, 120, 10_800) == pytest.approx(0.20, abs=5e-4)
    assert checkpoint_overhead(young_interval(120, 10_800), 120, 10_800) == pytest.approx(0.15, abs=2e-3)


def test_llama3_interruptions() -> None:
    mtbf = cluster_mtbf(50_000 * 3600, 16_384)
    assert expected_failures(54 * 86_400, mtbf) == pytest.approx(424.7, abs=0.05)


def test_sixteen_bytes_per_parameter() -> None:
    memory = training_memory(7e9, "mixed", "adam")
    assert memory["total_bytes"] == 112e9
    assert sum(v for k, v in memory.items() if k != "total_bytes") == memory["total_bytes"]
    assert training_memory(7e9, ["fp32", "bf16"], "adam")["total_bytes"].tolist() == [112e9, 84e9]


def test_gpt2_xl_on_one_card() -> None:
    slope = 48 * transformer_activation_bytes_per_layer(1024, 1, 1600, 25, "mixed", True)
    assert 24e9 + 32 * slope == pytest.approx(310.9e9, rel=1e-3)
    assert max_batch_in_memory(80e9, 24e9, slope) == 6
    assert optimizer_step_time(1.5e9, 1.0, "mixed", "adam", 3.35e12) == pytest.approx(12.54e-3, rel=1e-3)


def test_a_batch_exactly_on_the_limit_fits() -> None:
    assert max_batch_in_memory(0.3, 0.0, 0.1) == 3
    assert max_batch_in_memory(1.0, 2.0, 0.1) == 0


def test_resnet50() -> None:
    model = Models.Vision.ResNet50
    assert model.params == 25_557_032
    assert model.flops_per_item == 8.2e9
    assert 2 * model.params == 51_114_064  # FP16 weights


def test_latency_multiples_of_the_serving_chapter() -> None:
    for rho, multiple in ((0.5, 2), (0.7, 3.333), (0.8, 5), (0.9, 10), (0.95, 20)):
        assert mm1_mean_latency(1.0, rho) == pytest.approx(multiple, rel=1e-3)
    assert mm1_latency_percentile(1.0, 0.7, 0.99) == pytest.approx(15.3, abs=0.06)
    assert dm1_latency_percentile(0.01, 0.85, 0.99) == pytest.approx(0.1620, abs=5e-5)
    assert usd_per_million(4.0, 10, 5000) == pytest.approx(2.22, abs=5e-3)
    assert overload_wait(10_000, 2_000, 2.5) == 10.0


def test_bubble_figures() -> None:
    assert pipeline_bubble_fraction(8, 32, 1) == pytest.approx(0.18, abs=1e-3)
    assert pipeline_bubble_fraction(16, 16, 1) == pytest.approx(0.48, abs=5e-3)


# --- values by another route ----------------------------------------------------------------------------


@pytest.mark.parametrize(("delta", "mtbf"), [(120, 1e4), (1.0, 1e6), (1e5, 1e4), (1e4, 1e4), (3e6, 1e4)])
def test_exact_interval_is_the_lambert_function(delta: float, mtbf: float) -> None:
    expected = mtbf * (1 + lambertw(-math.exp(-1 - delta / mtbf)).real)
    assert exact_checkpoint_interval(delta, mtbf) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize("ratio", [1e-14, 1e-12, 1e-10, 1e-8])
def test_exact_interval_keeps_its_digits_for_short_saves(ratio: float) -> None:
    assert exact_checkpoint_interval(ratio, 1.0) == pytest.approx(daly_interval(ratio, 1.0), rel=1e-8)


def test_exact_interval_maximises_the_exact_goodput() -> None:
    best = optimize.minimize_scalar(
        lambda tau: -goodput_exact(tau, 120.0, 360.0, 11_135.0), bounds=(100, 10_000), method="bounded"
    )
    assert exact_checkpoint_interval(120.0, 11_135.0) == pytest.approx(best.x, rel=1e-4)


def test_daly_beyond_twice_the_mtbf_and_free_saves() -> None:
    assert daly_interval(2.0, 1.0) == 1.0
    assert daly_interval(5.0, 1.0) == 1.0
    assert daly_interval(0.0, 1.0) == exact_checkpoint_interval(0.0, 1.0) == young_interval(0.0, 1.0) == 0.0


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (10, 6.125), (30, 28.0), (5, 0.0)])
def test_erlang_c_by_factorials(servers: int, load: float) -> None:
    terms = [load**k / math.factorial(k) for k in range(servers)]
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    assert erlang_c(servers, load) == pytest.approx(last / (sum(terms) + last), rel=1e-12)


def test_erlang_c_of_hundreds_of_servers() -> None:
    values = erlang_c(np.array([80, 500, 1024, 80]), np.array([60.64, 480.0, 1000.0, 80.0]))
    assert values[0] == pytest.approx(0.01111815526512227, rel=1e-9)
    assert np.all((values > 0) & (values <= 1))
    assert values[3] == 1.0


def test_one_server_of_mmc_is_mm1() -> None:
    rho = np.array([0.0, 0.1, 0.5, 0.9, 0.99, 1.0, 1.5])
    np.testing.assert_allclose(
        mmc_latency_percentile(rho / 0.01, 0.01, 1, 0.99), mm1_latency_percentile(0.01, rho, 0.99), rtol=1e-9
    )
    np.testing.assert_allclose(mmc_mean_latency(rho / 0.01, 0.01, 1), mm1_mean_latency(0.01, rho), rtol=1e-9)


def test_mmc_where_both_rates_meet() -> None:
    """With one spare server the waiting and the service have the same rate: the printed fraction is 0/0."""
    just_off = mmc_latency_percentile(4.0 + 1e-7, 1.0, 5, 0.99)
    assert mmc_latency_percentile(4.0, 1.0, 5, 0.99) == pytest.approx(just_off, rel=1e-5)


def _erlang_crommelin(rho: float, wait: float) -> float:
    """P(W <= wait) of M/D/1, time in services (Erlang 1909, Crommelin 1932)."""
    terms = (
        (rho * (k - wait)) ** k / math.factorial(k) * math.exp(-rho * (k - wait)) for k in range(math.floor(wait) + 1)
    )
    return (1 - rho) * math.fsum(terms)


@pytest.mark.parametrize("rho", [0.3, 0.5, 0.7, 0.8])
def test_md1_tail_against_the_exact_sum(rho: float) -> None:
    exact = optimize.brentq(lambda w: _erlang_crommelin(rho, w) - 0.99, 0.01, 16.0)
    assert md1_latency_percentile(1.0, rho, 0.99) == pytest.approx(1.0 + exact, rel=6e-3)


def test_md1_without_waiting_is_one_service() -> None:
    assert md1_latency_percentile(2.0, 0.005, 0.99) == 2.0
    assert md1_latency_percentile(2.0, 0.0, 0.99) == 2.0


def test_dm1_sigma_solves_its_equation() -> None:
    rho = np.array([1e-3, 0.02, 0.1, 0.5, 0.85, 0.99, 0.999_999])
    sigma = dm1_sigma(rho)
    np.testing.assert_allclose(sigma, np.exp(-(1 - sigma) / rho), rtol=1e-9)
    assert np.all(sigma < 1)
    assert dm1_sigma(0.0) == 0.0
    assert dm1_sigma(1.0) == dm1_sigma(3.0) == 1.0


def test_the_recommended_fleet() -> None:
    assert batched_fleet_p99(5000, 8, [10, 9], 0.005, 0.0006, "shared_queue", "exponential", 0.99) == pytest.approx(
        [0.0469, 0.0476], abs=5e-5
    )
    replicas = np.arange(0, 65)
    p99 = batched_fleet_p99(5000, 1, replicas, 0.005, 0.0006, "random_split", "exponential", 0.99)
    assert int(replicas[p99 <= 0.050][0]) == 58
    assert np.all(np.isinf(p99[:29]))
    pooled = batched_fleet_p99(5000, 32, 7, 0.005, 0.0006, "shared_queue", "fixed", 0.99)
    assert pooled == pytest.approx(0.0393, abs=5e-5)


@pytest.mark.parametrize("routing", ["shared_queue", "random_split"])
@pytest.mark.parametrize("service_model", ["exponential", "fixed"])
def test_the_histogram_has_the_printed_percentile(routing: str, service_model: str) -> None:
    fleet = (5000.0, 4, 30, 0.005, 0.0006, routing, service_model)
    p99 = batched_fleet_p99(*fleet, 0.99)
    tail = batched_fleet_survival(np.linspace(0, 3 * p99, 500), *fleet)
    assert tail[0] == 1.0
    assert np.all(np.diff(tail) <= 0)
    if routing == "random_split" or service_model == "exponential":
        assert batched_fleet_survival(p99, *fleet) == pytest.approx(0.01, rel=1e-6)


def test_an_overloaded_fleet_has_no_tail() -> None:
    for routing in ("shared_queue", "random_split"):
        for service_model in ("exponential", "fixed"):
            assert batched_fleet_survival(1e9, 5000, 1, [0, 3], 0.005, 0.0006, routing, service_model).tolist() == [
                1.0,
                1.0,
            ]
