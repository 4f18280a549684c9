"""Waiting for a gang slot: job lengths that differ widely, priorities, and preemption with its cost.

Times in hours, rates per hour; classes are listed with the highest priority first.  Load at or above capacity
has no steady state: its mean wait is infinite, which is a result and not an error.
"""

from __future__ import annotations

import numpy as np

from mlsysim.physics.queueing import UTILIZATION, _where_stable, erlang_c
from mlsysim.physics.registry import (
    COUNT,
    FRACTION,
    NONNEGATIVE,
    POSITIVE,
    Real,
    Result,
    Variable,
    formula,
    require_at_most,
)
from mlsysim.physics.roots import Array

#: Shares that sum to one within this are the shares of a whole.
SHARE_TOLERANCE = 1e-9

ARRIVALS = Variable(r"\lambda_i", "1/h", "arrival rate of each class, highest priority first", NONNEGATIVE, vector=True)
DURATIONS = Variable("S_i", "h", "duration of the jobs of each class", POSITIVE, vector=True)
SERVICE_CV = Variable("C_s", "1", "coefficient of variation of job lengths", NONNEGATIVE)
POLLACZEK = "Pollaczek 1930; Khinchine 1932."


def _require_pairs(name: str, values: Array, other_name: str, other: Array) -> None:
    """A list of classes has as many entries as its partner."""
    if values.shape[-1] != other.shape[-1]:
        raise ValueError(f"{name} must be as many as {other_name}, got {values.shape[-1]} and {other.shape[-1]}")


def _higher(of_class: Array) -> Array:
    """Sum over the classes of higher priority; zero for the first."""
    below = np.zeros_like(of_class)
    below[..., 1:] = np.cumsum(of_class, axis=-1)[..., :-1]
    return below


# --- one queue, first come first served -----------------------------------------------------------------


@formula(
    latex=r"E[S] = \sum_{i} f_i S_i, \quad E[S^2] = \sum_{i} f_i S_i^2, \quad C_s = \sqrt{\frac{E[S^2]}{E[S]^2} - 1}",
    variables={
        "fractions": Variable("f_i", "1", "share of each class among the jobs", FRACTION, vector=True),
        "durations_h": DURATIONS,
    },
    result=Result("(E[S], E[S^2], C_s)", "h, h^2, 1", "mean, second moment, coefficient of variation", kind="vector"),
    validity="Durations fixed within a class; spread inside a class adds to the coefficient of variation.",
    source="Definition of moments.",
)
def service_moments(fractions: Array, durations_h: Array) -> Array:
    """Mean, second moment and coefficient of variation of job lengths."""
    _require_pairs("durations_h", durations_h, "fractions", fractions)
    total = np.sum(fractions, axis=-1)
    if np.any(np.abs(total - 1.0) > SHARE_TOLERANCE):
        raise ValueError(f"fractions must sum to 1, got a sum of {float(np.ravel(total)[0])!r}")
    mean = np.sum(fractions * durations_h, axis=-1)
    # The variance from deviations keeps its digits where lengths are nearly equal.
    variance = np.sum(fractions * (durations_h - mean[..., None]) ** 2, axis=-1)
    second = np.sum(fractions * durations_h**2, axis=-1)
    return np.stack([mean, second, np.sqrt(variance) / mean], axis=-1)


@formula(
    latex=r"W = \frac{\lambda E_2}{2 (1 - \lambda E_1)}",
    variables={
        "arrival_per_h": Variable(r"\lambda", "1/h", "arrival rate of jobs", NONNEGATIVE),
        "mean_h": Variable("E_1", "h", "mean duration of a job", POSITIVE),
        "second_moment_h2": Variable("E_2", "h^2", "second moment of the duration", POSITIVE),
    },
    result=Result("W", "h", "mean wait before a job starts"),
    validity="Poisson arrivals, one server, served in order, any spread of durations. A mean: nothing about the tail. "
    "Infinite where offered load reaches 1.",
    source=POLLACZEK,
)
def mg1_wait(arrival_per_h: Real, mean_h: Real, second_moment_h2: Real) -> Real:
    """Mean wait of an M/G/1 queue, from the two moments of its job lengths."""
    load = arrival_per_h * mean_h
    return _where_stable(load, arrival_per_h * second_moment_h2 / (2.0 * (1.0 - load)))


@formula(
    latex=r"\frac{W}{E[S]} = \frac{\rho}{1 - \rho} \frac{1 + C_s^2}{2}",
    sympy_latex=r"\frac{\rho}{1 - \rho} \frac{1 + C_s^2}{2}",
    variables={"utilization": UTILIZATION, "service_cv": SERVICE_CV},
    result=Result("W / E[S]", "1", "mean wait in mean jobs"),
    validity="Poisson arrivals, one server, served in order; infinite at or above utilization 1.",
    source=POLLACZEK,
)
def pollaczek_khinchine_multiple(utilization: Real, service_cv: Real) -> Real:
    """Mean wait in mean jobs: a utilization factor times a variability factor."""
    return _where_stable(utilization, utilization / (1.0 - utilization) * (1.0 + service_cv**2) / 2.0)


@formula(
    latex=r"\frac{W}{E[S]} = \frac{C}{c (1 - \rho)} \frac{C_a^2 + C_s^2}{2}, \quad C = C(c, c \rho)",
    sympy_latex=r"\frac{C}{c (1 - \rho)} \frac{C_a^2 + C_s^2}{2}",
    variables={
        "servers": Variable("c", "1", "gangs that run at once", COUNT),
        "utilization": UTILIZATION,
        "service_cv": SERVICE_CV,
        "arrival_cv": Variable("C_a", "1", "coefficient of variation of the gaps between arrivals", NONNEGATIVE),
    },
    result=Result("W / E[S]", "1", "mean wait in mean jobs"),
    validity="C is Erlang's probability of waiting. Exact for exponential jobs on any number of servers and for one "
    "server with Poisson arrivals, else an approximation; infinite at or above utilization 1.",
    source="Allen 1990 (Allen-Cunneen).",
)
def allen_cunneen_multiple(servers: Real, utilization: Real, service_cv: Real, arrival_cv: Real) -> Real:
    """Mean wait in mean jobs where several gangs run at once."""
    waiting = erlang_c(servers, servers * utilization)
    spread = (arrival_cv**2 + service_cv**2) / 2.0
    return _where_stable(utilization, waiting / (servers * (1.0 - utilization)) * spread)


@formula(
    latex=r"W_{n+1} = \max\left(0, W_n + S_n - A_{n+1}\right), \quad W_1 = 0",
    variables={
        "interarrival_h": Variable(
            "A_n", "h", "time since the arrival before; that of the first job is not used", NONNEGATIVE, vector=True
        ),
        "service_h": Variable("S_n", "h", "duration of each job", NONNEGATIVE, vector=True),
    },
    result=Result("W_n", "h", "wait of each job", kind="vector"),
    validity="One server, served in order; any arrivals and durations.",
    source="Lindley 1952.",
)
def lindley_waits(interarrival_h: Array, service_h: Array) -> Array:
    """The waits of a given stream of jobs, one after the other."""
    _require_pairs("service_h", service_h, "interarrival_h", interarrival_h)
    interarrival, service = np.broadcast_arrays(interarrival_h, service_h)
    walk = np.zeros(service.shape)
    walk[..., 1:] = np.cumsum(service[..., :-1] - interarrival[..., 1:], axis=-1)
    # The recursion is a random walk that is held at zero from below.
    return walk - np.minimum.accumulate(np.minimum(walk, 0.0), axis=-1)


# --- priorities -----------------------------------------------------------------------------------------


@formula(
    latex=r"W_k = \frac{W_0}{(1 - \sigma_{k-1})(1 - \sigma_k)}, \quad W_0 = \frac{1}{2} \sum_{i} \lambda_i S_i^2, "
    r"\quad \sigma_k = \sum_{i \leq k} \lambda_i S_i",
    variables={"arrivals_per_h": ARRIVALS, "durations_h": DURATIONS},
    result=Result("W_k", "h", "mean wait of each class, highest priority first", kind="vector"),
    validity="Poisson arrivals, one server, a running job is never stopped; durations fixed within a class. A class "
    "waits infinitely where it and those above it fill the server.",
    source="Cobham 1954.",
)
def priority_waits_nonpreemptive(arrivals_per_h: Array, durations_h: Array) -> Array:
    """Mean wait of each class when the highest class that waits is served next."""
    _require_pairs("durations_h", durations_h, "arrivals_per_h", arrivals_per_h)
    load = arrivals_per_h * durations_h
    residual = np.sum(load * durations_h, axis=-1, keepdims=True) / 2.0
    above, upto = _higher(load), np.cumsum(load, axis=-1)
    return np.where(upto < 1.0, residual / ((1.0 - above) * (1.0 - upto)), np.inf)


@formula(
    latex=r"\sum_{i} \rho_i W_i",
    variables={
        "loads": Variable(r"\rho_i", "1", "load of each class", FRACTION, vector=True),
        "waits_h": Variable("W_i", "h", "mean wait of each class", NONNEGATIVE, vector=True),
    },
    result=Result(r"\rho W_0 / (1 - \rho)", "h", "wait weighted by load"),
    validity="Conserved by every policy that never idles while jobs wait, never stops a job, and does not know the "
    "lengths of single jobs.",
    source="Kleinrock 1965.",
)
def kleinrock_invariant(loads: Array, waits_h: Array) -> Real:
    """The wait weighted by load: what a policy can redistribute, but not reduce."""
    _require_pairs("waits_h", waits_h, "loads", loads)
    return np.sum(loads * waits_h, axis=-1)


@formula(
    latex=r"S' = \frac{S}{1 - \lambda c}",
    variables={
        "service_h": Variable("S", "h", "work of a job that may be stopped", POSITIVE),
        "preemption_per_h": Variable(r"\lambda", "1/h", "stops per hour while it runs", NONNEGATIVE),
        "cost_h": Variable("c", "h", "work that each stop adds", NONNEGATIVE),
    },
    result=Result("S'", "h", "time that the job holds the machine"),
    validity="Poisson stops; what a stop adds can be stopped too. Infinite where stops add more than an hour per hour.",
    source="Mean of a branching process of stops: S' = S + (stops per hour × S') c.",
)
def preempted_service_time(service_h: Real, preemption_per_h: Real, cost_h: Real) -> Real:
    """How long a job holds the machine when every stop costs it time."""
    added = preemption_per_h * cost_h
    return _where_stable(added, service_h / (1.0 - added))


@formula(
    latex=r"R_k = \frac{S'_k}{1 - \sigma_{k-1}} + \frac{\sum_{i \leq k} \lambda_i S_i'^2}{2 (1 - \sigma_{k-1})"
    r"(1 - \sigma_k)}, \quad S'_k = \frac{S_k}{1 - c \sum_{i < k} \lambda_i}, \quad "
    r"\sigma_k = \sum_{i \leq k} \lambda_i S'_i",
    variables={
        "arrivals_per_h": ARRIVALS,
        "durations_h": DURATIONS,
        "preemption_cost_h": Variable("c", "h", "work that each stop adds to the stopped job", NONNEGATIVE),
    },
    result=Result("R_k", "h", "mean time from arrival to the end of each class", kind="vector"),
    validity="Poisson arrivals, one server, a stopped job resumes. The spread of the added time is left out: within "
    "0.5 % of simulations of two classes. Infinite where a class and those above it fill the server.",
    source="Preemptive-resume priorities (Miller 1960; Kleinrock 1976) with the overhead of stops.",
)
def priority_responses_preemptive(arrivals_per_h: Array, durations_h: Array, preemption_cost_h: Real) -> Array:
    """Mean response of each class when a job of a higher class stops the one that runs."""
    _require_pairs("durations_h", durations_h, "arrivals_per_h", arrivals_per_h)
    cost = np.asarray(preemption_cost_h)[..., None]
    arrivals, durations, _ = np.broadcast_arrays(arrivals_per_h, durations_h, cost)
    held = preempted_service_time(durations, _higher(arrivals), np.broadcast_to(cost, durations.shape))
    # A class without arrivals takes nothing, however long its jobs would be held.
    load = np.where(arrivals > 0, arrivals * held, 0.0)
    residual = np.cumsum(np.where(arrivals > 0, load * held, 0.0), axis=-1) / 2.0
    above, upto = _higher(load), np.cumsum(load, axis=-1)
    free = np.where(above < 1.0, 1.0 - above, np.nan)
    response = held / free + residual / (free * (1.0 - upto))
    return np.where(upto < 1.0, response, np.inf)


# --- packing --------------------------------------------------------------------------------------------


@formula(
    latex=r"\eta = \left\lfloor \frac{g}{r} \right\rfloor \frac{r}{g}",
    variables={
        "gpus_per_node": Variable("g", "1", "GPUs of a node", COUNT),
        "gpus_requested": Variable("r", "1", "GPUs that each job asks for on a node", COUNT),
    },
    result=Result(r"\eta", "1", "share of a node's GPUs that equal jobs can use"),
    validity="Jobs of one size that do not span nodes; 1 <= r <= g.",
    source="Bin packing of equal items.",
)
def packing_efficiency(gpus_per_node: Real, gpus_requested: Real) -> Real:
    """What is left of a node when every job asks for the same number of its GPUs."""
    require_at_most("gpus_requested", gpus_requested, "gpus_per_node", gpus_per_node, "a job fits on a node")
    return np.floor(gpus_per_node / gpus_requested) * gpus_requested / gpus_per_node
