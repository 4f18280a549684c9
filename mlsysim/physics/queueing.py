"""Utilization, waiting and tails.

Times in seconds, rates per second, first come first served.  A queue offered as much work as it can do, or
more, has no steady state: its latencies are infinite, which is a result and not an error.
"""

from __future__ import annotations

import numpy as np

from mlsysim.physics.registry import (
    COUNT,
    COUNT_OR_ZERO,
    NONNEGATIVE,
    POSITIVE,
    PROBABILITY_OPEN,
    Choices,
    Real,
    Result,
    Variable,
    formula,
)
from mlsysim.physics.roots import Array, falling_root

ARRIVAL = Variable(r"\lambda", "1/s", "arrival rate", NONNEGATIVE)
POSITIVE_ARRIVAL = Variable(r"\lambda", "1/s", "arrival rate", POSITIVE)
SERVICE = Variable("S", "s", "mean service time", POSITIVE)
UTILIZATION = Variable(r"\rho", "1", "offered utilization; 1 or more is unstable", NONNEGATIVE)
SERVERS = Variable("c", "1", "servers", COUNT)
PERCENTILE = Variable("q", "1", "percentile as a fraction, 0.99 for P99", PROBABILITY_OPEN)
TIME = Variable("t", "s", "time since arrival", NONNEGATIVE)
BUDGET = Variable("T", "s", "latency budget at the percentile", POSITIVE)
BATCH = Variable("B", "1", "requests per batch", COUNT)
FIXED = Variable("t_0", "s", "fixed cost of a batch", NONNEGATIVE)
PER_ITEM = Variable("t_1", "s", "cost of one more request in the batch", NONNEGATIVE)
REPLICAS = Variable("c", "1", "replicas; none means that nothing is served", COUNT_OR_ZERO)
ROUTING = Variable(r"\mathrm{routing}", "1", "who waits for whom", Choices(("shared_queue", "random_split")))
SERVICE_MODEL = Variable(r"\mathrm{service}", "1", "spread of service times", Choices(("exponential", "fixed")))

MM1_SOURCE = "M/M/1: Kleinrock 1975, Queueing Systems I."
MD1_SOURCE = "Pollaczek-Khinchine; exponential tail of Cramér and Lundberg (Asmussen 2003)."
GM1_SOURCE = "G/M/1 with constant gaps: Kleinrock 1975, Queueing Systems I."
MMC_SOURCE = "M/M/c: Erlang 1917; Kleinrock 1975."


def _where_stable(utilization: Real, stable: Real, otherwise: float = np.inf) -> Real:
    return np.where(np.less(utilization, 1.0), stable, otherwise)


def _tail_factor(percentile: Real) -> Real:
    """ln(1/(1-q)): percentile over mean of an exponential time."""
    return -np.log1p(-percentile)


# --- any queue ------------------------------------------------------------------------------------------


@formula(
    latex=r"L = \lambda W",
    variables={"arrival_per_s": ARRIVAL, "latency_s": Variable("W", "s", "mean time in the system", NONNEGATIVE)},
    result=Result("L", "requests", "mean number in flight"),
    validity="Any stable system, any distribution. A mean: it says nothing of the tail.",
    source="Little 1961.",
)
def littles_law_concurrency(arrival_per_s: Real, latency_s: Real) -> Real:
    """Mean number of requests inside a system."""
    return arrival_per_s * latency_s


@formula(
    latex=r"\rho = \frac{\lambda S}{c}",
    variables={"arrival_per_s": ARRIVAL, "service_s": SERVICE, "servers": SERVERS},
    result=Result(r"\rho", "1", "offered utilization"),
    validity="May exceed 1: then the queue grows without end.",
    source="Definition of offered load per server.",
)
def offered_utilization(arrival_per_s: Real, service_s: Real, servers: Real) -> Real:
    """Work offered per unit of capacity."""
    return arrival_per_s * service_s / servers


# --- one server, random arrivals, exponential service (M/M/1) -------------------------------------------


@formula(
    latex=r"W = \frac{S}{1 - \rho}",
    variables={"service_s": SERVICE, "utilization": UTILIZATION},
    result=Result("W", "s", "mean time in the system"),
    validity="Poisson arrivals, exponential service, one server; infinite at or above utilization 1.",
    source=MM1_SOURCE,
)
def mm1_mean_latency(service_s: Real, utilization: Real) -> Real:
    """Mean latency of an M/M/1 queue."""
    return _where_stable(utilization, service_s / (1.0 - utilization))


@formula(
    latex=r"T_q = \frac{S}{1 - \rho} \ln\left(\frac{1}{1 - q}\right)",
    variables={"service_s": SERVICE, "utilization": UTILIZATION, "percentile": PERCENTILE},
    result=Result("T_q", "s", "percentile of the time in the system"),
    validity="Exact for M/M/1, whose time in the system is exponential; infinite at or above utilization 1.",
    source=MM1_SOURCE,
)
def mm1_latency_percentile(service_s: Real, utilization: Real, percentile: Real) -> Real:
    """Tail latency of an M/M/1 queue."""
    return _where_stable(utilization, _tail_factor(percentile) * service_s / (1.0 - utilization))


@formula(
    latex=r"\rho_{max} = \max\left(0, 1 - \frac{S}{T} \ln\left(\frac{1}{1 - q}\right)\right)",
    variables={"service_s": SERVICE, "latency_budget_s": BUDGET, "percentile": PERCENTILE},
    result=Result(r"\rho_{max}", "1", "largest utilization that meets the budget"),
    validity="M/M/1. Zero when even an idle server misses the budget.",
    source="M/M/1 percentile solved for the utilization.",
)
def mm1_max_utilization(service_s: Real, latency_budget_s: Real, percentile: Real) -> Real:
    """Utilization at which an M/M/1 queue just meets its tail-latency budget."""
    return np.maximum(0.0, 1.0 - _tail_factor(percentile) * service_s / latency_budget_s)


@formula(
    latex=r"P(T > t) = e^{-\frac{t (1 - \rho)}{S}}",
    variables={"time_s": TIME, "service_s": SERVICE, "utilization": UTILIZATION},
    result=Result("P(T > t)", "1", "share of requests slower than t"),
    validity="Exact for M/M/1; 1 at every time when the queue is unstable.",
    source=MM1_SOURCE,
)
def mm1_survival(time_s: Real, service_s: Real, utilization: Real) -> Real:
    """Share of requests of an M/M/1 queue that take longer than a time."""
    return _where_stable(utilization, np.exp(-time_s * (1.0 - utilization) / service_s), 1.0)


# --- one server, random arrivals, constant service (M/D/1) ----------------------------------------------


def _md1_tail(utilization: Real) -> tuple[Real, Real]:
    """Decay rate x per service time and weight C of the waiting-time tail, P(W > w) ~ C exp(-x w/S).

    x > 0 solves rho (e^x - 1) = x.  With that equation rho e^x = rho + x, so C = (1 - rho)/(rho + x - 1).
    """
    rho = np.clip(utilization, 1e-12, 1.0 - 1e-12)
    start = 2.0 * (1.0 - rho) / rho
    x = falling_root(lambda x: (np.log1p(x / rho) - x, 1.0 / (rho + x) - 1.0), np.log(1.0 / rho), start)
    return x, (1.0 - rho) / (rho + x - 1.0)


@formula(
    latex=r"W = S \left(1 + \frac{\rho}{2 (1 - \rho)}\right)",
    variables={"service_s": SERVICE, "utilization": UTILIZATION},
    result=Result("W", "s", "mean time in the system"),
    validity="Poisson arrivals, constant service, one server; infinite at or above utilization 1.",
    source="Pollaczek 1930; Khinchine 1932.",
)
def md1_mean_latency(service_s: Real, utilization: Real) -> Real:
    """Mean latency of an M/D/1 queue: half the waiting of M/M/1."""
    return _where_stable(utilization, service_s * (1.0 + utilization / (2.0 * (1.0 - utilization))))


@formula(
    latex=r"T_q = S \left(1 + \frac{1}{x} \ln\frac{C}{1 - q}\right), \quad \rho (e^{x} - 1) = x, \quad "
    r"C = \frac{1 - \rho}{\rho e^{x} - 1}",
    variables={"service_s": SERVICE, "utilization": UTILIZATION, "percentile": PERCENTILE},
    result=Result("T_q", "s", "percentile of the time in the system"),
    validity="Tail approximation: within 0.6 % at P99 from utilization 0.3 up, within 6 % below. One service "
    "time when 1 - q of the requests or fewer have to wait; infinite at or above utilization 1.",
    source=MD1_SOURCE,
)
def md1_latency_percentile(service_s: Real, utilization: Real, percentile: Real) -> Real:
    """Tail latency of an M/D/1 queue, from the exponential tail of its waiting time."""
    x, weight = _md1_tail(utilization)
    wait = np.maximum(0.0, np.log(weight / (1.0 - percentile)) / x)
    wait = np.where(np.less_equal(utilization, 1.0 - percentile), 0.0, wait)
    return _where_stable(utilization, service_s * (1.0 + wait))


@formula(
    latex=r"P(T > t) = \min\left(\rho, C e^{-x (t/S - 1)}\right) \text{ for } t \geq S, \quad 1 \text{ "
    r"before}",
    sympy_latex=r"\min\left(\rho, C e^{-x (t/S - 1)}\right)",
    variables={"time_s": TIME, "service_s": SERVICE, "utilization": UTILIZATION},
    result=Result("P(T > t)", "1", "share of requests slower than t"),
    validity="Tail approximation: a share 1 - rho takes exactly S, then the exponential tail of the "
    "percentile "
    "formula. 1 at every time when the queue is unstable.",
    source=MD1_SOURCE,
)
def md1_survival_approx(time_s: Real, service_s: Real, utilization: Real) -> Real:
    """Share of requests of an M/D/1 queue that take longer than a time."""
    x, weight = _md1_tail(utilization)
    late = np.minimum(utilization, weight * np.exp(-x * (time_s / service_s - 1.0)))
    return _where_stable(utilization, np.where(np.less(time_s, service_s), 1.0, late), 1.0)


# --- one server, paced arrivals, exponential service (D/M/1) --------------------------------------------


@formula(
    latex=r"\sigma = e^{-(1 - \sigma)/\rho}",
    variables={"utilization": UTILIZATION},
    result=Result(r"\sigma", "1", "probability that an arrival has to wait"),
    validity="Root in (0, 1). 0 for an idle server, 1 at or above utilization 1.",
    source=GM1_SOURCE,
)
def dm1_sigma(utilization: Real) -> Real:
    """Probability that a paced arrival finds the server busy."""
    # Solved for u = (1 - sigma)/rho, so that a tiny sigma = e^-u keeps its digits. Below 1/745 it underflows.
    rho = np.clip(utilization, 1e-3, 1.0 - 1e-15)
    u = falling_root(lambda u: (-np.expm1(-u) - rho * u, np.exp(-u) - rho), -np.log(rho), 1.0 / rho)
    sigma = np.where(np.less(utilization, 1e-3), 0.0, np.exp(-u))
    return _where_stable(utilization, sigma, 1.0)


@formula(
    latex=r"W = \frac{S}{1 - \sigma}, \quad \sigma = e^{-(1 - \sigma)/\rho}",
    variables={"service_s": SERVICE, "utilization": UTILIZATION},
    result=Result("W", "s", "mean time in the system"),
    validity="Arrivals at equal gaps, exponential service, one server; infinite at or above utilization 1.",
    source=GM1_SOURCE,
)
def dm1_mean_latency(service_s: Real, utilization: Real) -> Real:
    """Mean latency of a D/M/1 queue."""
    return _where_stable(utilization, service_s / (1.0 - dm1_sigma(utilization)))


@formula(
    latex=r"T_q = \frac{S}{1 - \sigma} \ln\left(\frac{1}{1 - q}\right), \quad \sigma = e^{-(1 - "
    r"\sigma)/\rho}",
    variables={"service_s": SERVICE, "utilization": UTILIZATION, "percentile": PERCENTILE},
    result=Result("T_q", "s", "percentile of the time in the system"),
    validity="Exact for D/M/1; infinite at or above utilization 1.",
    source=GM1_SOURCE,
)
def dm1_latency_percentile(service_s: Real, utilization: Real, percentile: Real) -> Real:
    """Tail latency of a D/M/1 queue."""
    return _where_stable(utilization, _tail_factor(percentile) * service_s / (1.0 - dm1_sigma(utilization)))


@formula(
    latex=r"\rho_{max} = -\frac{y}{\ln\left(1 - y\right)}, \quad y = \frac{S}{T} \ln\left(\frac{1}{1 - "
    r"q}\right)",
    sympy_latex=r"-\frac{\frac{S}{T} \ln\left(\frac{1}{1 - q}\right)}"
    r"{\ln\left(1 - \frac{S}{T} \ln\left(\frac{1}{1 - q}\right)\right)}",
    variables={"service_s": SERVICE, "latency_budget_s": BUDGET, "percentile": PERCENTILE},
    result=Result(r"\rho_{max}", "1", "largest utilization that meets the budget"),
    validity="D/M/1. Zero when even an idle server misses the budget (y of 1 or more).",
    source="D/M/1 percentile solved for the utilization.",
)
def dm1_max_utilization(service_s: Real, latency_budget_s: Real, percentile: Real) -> Real:
    """Utilization at which a D/M/1 queue just meets its tail-latency budget."""
    y = _tail_factor(percentile) * service_s / latency_budget_s
    inside = np.clip(y, 1e-300, 1.0 - 1e-16)
    return np.where(np.less(y, 1.0), -inside / np.log1p(-inside), 0.0)


@formula(
    latex=r"P = \sigma^{K}, \quad \sigma = e^{-(1 - \sigma)/\rho}",
    variables={
        "utilization": UTILIZATION,
        "buffers": Variable("K", "1", "places for requests, the one in service included", COUNT_OR_ZERO),
    },
    result=Result("P", "1", "probability that an arrival finds every buffer taken"),
    validity="Infinite-queue model, so an upper bound for a finite pool. 1 at or above utilization 1.",
    source="Geometric queue length of G/M/1: Kleinrock 1975.",
)
def dm1_overflow_probability(utilization: Real, buffers: Real) -> Real:
    """Probability that a paced arrival finds no free buffer."""
    return dm1_sigma(utilization) ** buffers


@formula(
    latex=r"P(T > t) = e^{-t (1 - \sigma)/S}, \quad \sigma = e^{-(1 - \sigma)/\rho}",
    variables={"time_s": TIME, "service_s": SERVICE, "utilization": UTILIZATION},
    result=Result("P(T > t)", "1", "share of requests slower than t"),
    validity="Exact for D/M/1; 1 at every time when the queue is unstable.",
    source=GM1_SOURCE,
)
def dm1_survival(time_s: Real, service_s: Real, utilization: Real) -> Real:
    """Share of requests of a D/M/1 queue that take longer than a time."""
    return _where_stable(utilization, np.exp(-time_s * (1.0 - dm1_sigma(utilization)) / service_s), 1.0)


# --- several servers, one queue (M/M/c) -----------------------------------------------------------------


@formula(
    latex=r"C = \frac{b_c}{1 - \frac{a}{c} (1 - b_c)}, \quad b_k = \frac{a b_{k-1}}{k + a b_{k-1}}, \quad "
    r"b_0 = 1",
    variables={
        "servers": SERVERS,
        "offered_erlangs": Variable("a", "1", "offered load, arrival rate times service time", NONNEGATIVE),
    },
    result=Result("C", "1", "probability of waiting"),
    validity="M/M/c. The Erlang B recursion needs no factorial, so hundreds of servers are safe; 1 at capacity.",
    source="Erlang 1917; recursion: Cooper 1981.",
)
def erlang_c(servers: Real, offered_erlangs: Real) -> Real:
    """Probability that a request has to wait for one of several servers."""
    servers, load = np.broadcast_arrays(servers, offered_erlangs)
    blocked: Array = np.ones(load.shape)
    for k in range(1, int(np.max(servers, initial=0.0)) + 1):
        blocked = np.where(k <= servers, load * blocked / (k + load * blocked), blocked)
    waiting = blocked / (1.0 - load / servers * (1.0 - blocked))
    return np.where(load < servers, waiting, 1.0)


def _mmc_survival_in_services(time: Real, free: Real, waiting: Real) -> tuple[Array, Array]:
    """P(T > t) of M/M/c and its derivative, time in units of S.

    ``free`` is c - a, the spare capacity in servers; ``waiting`` is Erlang's C.  The wait of those who wait
    is exponential with rate ``free``, the service exponential with rate 1; writing the slower rate outside
    keeps every factor at or below 1, also where the two rates meet.
    """
    slow = np.minimum(1.0, free)
    gap = np.abs(free - 1.0)
    fast = slow + gap
    spread = np.where(gap * time > 1e-8, -np.expm1(-gap * time) / np.maximum(gap, 1e-300), time)
    both = np.exp(-slow * time) * spread
    survival = np.asarray(np.exp(-time) + waiting * both)
    slope = -np.exp(-time) + waiting * (np.exp(-fast * time) - slow * both)
    return survival, np.asarray(slope)


@formula(
    latex=r"W = S + \frac{C}{c/S - \lambda}",
    variables={"arrival_per_s": ARRIVAL, "service_s": SERVICE, "servers": SERVERS},
    result=Result("W", "s", "mean time in the system"),
    validity="M/M/c, one shared queue, C from Erlang C; infinite at or above capacity.",
    source=MMC_SOURCE,
)
def mmc_mean_latency(arrival_per_s: Real, service_s: Real, servers: Real) -> Real:
    """Mean latency of several servers behind one queue."""
    load = arrival_per_s * service_s
    waiting = erlang_c(servers, load)
    return _where_stable(load / servers, service_s * (1.0 + waiting / (servers - load)))


@formula(
    latex=r"w_q = \max\left(0, \frac{1}{c/S - \lambda} \ln\left(\frac{C}{1 - q}\right)\right)",
    variables={"arrival_per_s": ARRIVAL, "service_s": SERVICE, "servers": SERVERS, "percentile": PERCENTILE},
    result=Result("w_q", "s", "percentile of the waiting time"),
    validity="M/M/c, waiting alone, service not included; infinite at or above capacity.",
    source=MMC_SOURCE,
)
def mmc_wait_percentile(arrival_per_s: Real, service_s: Real, servers: Real, percentile: Real) -> Real:
    """Tail of the waiting time of several servers behind one queue."""
    load = arrival_per_s * service_s
    waiting = erlang_c(servers, load)
    wait = np.maximum(0.0, np.log(waiting / (1.0 - percentile))) * service_s / (servers - load)
    return _where_stable(load / servers, wait)


@formula(
    latex=r"P(T > t) = e^{-\mu t} \left[1 + C \mu \frac{1 - e^{-(\theta - \mu) t}}{\theta - \mu}\right], "
    r"\quad "
    r"\mu = \frac{1}{S}, \quad \theta = \frac{c}{S} - \lambda",
    variables={"time_s": TIME, "arrival_per_s": ARRIVAL, "service_s": SERVICE, "servers": SERVERS},
    result=Result("P(T > t)", "1", "share of requests slower than t"),
    validity="Exact for M/M/c, C from Erlang C; 1 at every time when the queue is unstable.",
    source=MMC_SOURCE,
)
def mmc_survival(time_s: Real, arrival_per_s: Real, service_s: Real, servers: Real) -> Real:
    """Share of requests of an M/M/c queue that take longer than a time."""
    load = arrival_per_s * service_s
    free = np.maximum(servers - load, 0.0)
    survival, _ = _mmc_survival_in_services(time_s / service_s, free, erlang_c(servers, load))
    return _where_stable(load / servers, survival, 1.0)


@formula(
    latex=r"P(T > T_q) = 1 - q, \quad "
    r"P(T > t) = e^{-\mu t} \left[1 + C \mu \frac{1 - e^{-(\theta - \mu) t}}{\theta - \mu}\right]",
    variables={"arrival_per_s": ARRIVAL, "service_s": SERVICE, "servers": SERVERS, "percentile": PERCENTILE},
    result=Result("T_q", "s", "percentile of the time in the system"),
    validity="Exact for M/M/c, waiting and service; infinite at or above capacity. One server gives M/M/1.",
    source=MMC_SOURCE,
)
def mmc_latency_percentile(arrival_per_s: Real, service_s: Real, servers: Real, percentile: Real) -> Real:
    """Tail latency of several servers behind one queue."""
    load = arrival_per_s * service_s
    unstable = np.greater_equal(load, servers)
    free = np.where(unstable, 1.0, servers - load)
    waiting = erlang_c(servers, load)
    target = _tail_factor(percentile)

    def excess(time: Array) -> tuple[Array, Array]:
        survival, slope = _mmc_survival_in_services(time, free, waiting)
        return np.log(survival) + target, slope / survival

    # The time is at least the service alone, and at most a wait and a service that both take their
    # percentile at half the tail.
    high = (target + np.log(2.0)) * (1.0 + 1.0 / free)
    low = np.broadcast_to(target, np.shape(high))
    return np.where(unstable, np.inf, service_s * falling_root(excess, low, high))


@formula(
    latex=r"T_q \approx S + \frac{w_q}{2}",
    variables={"arrival_per_s": ARRIVAL, "service_s": SERVICE, "servers": SERVERS, "percentile": PERCENTILE},
    result=Result("T_q", "s", "percentile of the time in the system"),
    validity="Half the M/M/c wait w_q. From utilization 0.5 up within 5 % for four servers or more; up to "
    "14 % "
    "too high for one or two. Infinite at or above capacity.",
    source="Allen-Cunneen with zero service variance: Allen 1990.",
)
def mdc_latency_percentile_approx(arrival_per_s: Real, service_s: Real, servers: Real, percentile: Real) -> Real:
    """Tail latency of several servers of constant service time behind one queue."""
    return service_s + 0.5 * mmc_wait_percentile(arrival_per_s, service_s, servers, percentile)


# --- batches --------------------------------------------------------------------------------------------


@formula(
    latex=r"S = t_0 + B t_1",
    variables={"fixed_s": FIXED, "per_item_s": PER_ITEM, "batch": BATCH},
    result=Result("S", "s", "service time of a batch"),
    validity="Linear service curve, as measured below the saturation of the device.",
    source="Throughput maximization strategy (course, Model Serving).",
)
def batch_service_time(fixed_s: Real, per_item_s: Real, batch: Real) -> Real:
    """Service time of a batch: a fixed part shared by all, and a part for each."""
    return fixed_s + batch * per_item_s


@formula(
    latex=r"w = \frac{B - 1}{2 \lambda}",
    variables={"batch": BATCH, "arrival_per_s": POSITIVE_ARRIVAL},
    result=Result("w", "s", "mean wait for the batch to fill"),
    validity="Batches of a fixed size, filled in order of arrival.",
    source="Batching tax (course, Model Serving).",
)
def batch_formation_wait_mean(batch: Real, arrival_per_s: Real) -> Real:
    """Mean time that a request waits for its batch to fill."""
    return (batch - 1.0) / (2.0 * arrival_per_s)


@formula(
    latex=r"w = \frac{B - 1}{\lambda}",
    variables={"batch": BATCH, "arrival_per_s": POSITIVE_ARRIVAL},
    result=Result("w", "s", "wait of the first request of a batch"),
    validity="Batches of a fixed size, filled in order of arrival; mean over batches of the longest wait.",
    source="Batching tax (course, Model Serving).",
)
def batch_formation_wait_max(batch: Real, arrival_per_s: Real) -> Real:
    """Time that the first request of a batch waits for the last."""
    return (batch - 1.0) / arrival_per_s


FLEET_VALIDITY = (
    "A planning bound: batches arrive more evenly than Poisson, and the formation wait is added whole. "
    "Infinite at or above capacity and without replicas."
)
FLEET_SOURCE = "Batching tax and multi-server considerations (course, Model Serving); queues as named above."


def _fleet_flow(arrival_per_s: Real, batch: Real, replicas: Real, routing: str) -> tuple[Real, Real, Real]:
    """What one queue of the fleet sees: request rate, batch rate and servers."""
    present = np.maximum(replicas, 1.0)
    if routing == "shared_queue":
        return arrival_per_s, arrival_per_s / batch, present
    own = arrival_per_s / present
    return own, own / batch, np.ones_like(present)


def _without_replicas(replicas: Real, value: Real, otherwise: float = np.inf) -> Real:
    return np.where(np.less(replicas, 1.0), otherwise, value)


@formula(
    latex=r"T_q \approx \frac{B - 1}{\lambda_q} + T_q^{queue}\left(\frac{\lambda_q}{B}, t_0 + B t_1, "
    r"c_q\right)",
    variables={
        "arrival_per_s": POSITIVE_ARRIVAL,
        "batch": BATCH,
        "replicas": REPLICAS,
        "fixed_s": FIXED,
        "per_item_s": PER_ITEM,
        "routing": ROUTING,
        "service_model": SERVICE_MODEL,
        "percentile": PERCENTILE,
    },
    result=Result("T_q", "s", "percentile of the latency of a request"),
    validity=FLEET_VALIDITY + " Shared queue: all replicas, M/M/c or M/D/c. Random split: each replica its own "
    "queue and its share of the requests, M/M/1 or M/D/1.",
    source=FLEET_SOURCE,
)
def batched_fleet_p99(
    arrival_per_s: Real,
    batch: Real,
    replicas: Real,
    fixed_s: Real,
    per_item_s: Real,
    routing: str,
    service_model: str,
    percentile: Real,
) -> Real:
    """Tail latency of a fleet that serves batches."""
    service = batch_service_time(fixed_s, per_item_s, batch)
    requests, batches, servers = _fleet_flow(arrival_per_s, batch, replicas, routing)
    if routing == "shared_queue":
        queue = mmc_latency_percentile if service_model == "exponential" else mdc_latency_percentile_approx
        tail = queue(batches, service, servers, percentile)
    else:
        single = mm1_latency_percentile if service_model == "exponential" else md1_latency_percentile
        tail = single(service, batches * service, percentile)
    return _without_replicas(replicas, batch_formation_wait_max(batch, requests) + tail)


@formula(
    latex=r"W \approx \frac{B - 1}{2 \lambda_q} + S + h \left(W^{queue} - S\right), \quad S = t_0 + B t_1",
    variables={
        "arrival_per_s": POSITIVE_ARRIVAL,
        "batch": BATCH,
        "replicas": REPLICAS,
        "fixed_s": FIXED,
        "per_item_s": PER_ITEM,
        "routing": ROUTING,
        "service_model": SERVICE_MODEL,
    },
    result=Result("W", "s", "mean latency of a request"),
    validity=FLEET_VALIDITY + " The wait of M/M/c or M/M/1, halved (h = 1/2) for constant service.",
    source=FLEET_SOURCE,
)
def batched_fleet_mean(
    arrival_per_s: Real, batch: Real, replicas: Real, fixed_s: Real, per_item_s: Real, routing: str, service_model: str
) -> Real:
    """Mean latency of a fleet that serves batches."""
    service = batch_service_time(fixed_s, per_item_s, batch)
    requests, batches, servers = _fleet_flow(arrival_per_s, batch, replicas, routing)
    wait = mmc_mean_latency(batches, service, servers) - service
    if service_model == "fixed":
        wait = wait / 2.0
    return _without_replicas(replicas, batch_formation_wait_mean(batch, requests) + service + wait)


@formula(
    latex=r"P(T > t) = P\left(T^{queue} > t - \frac{B - 1}{\lambda_q}\right)",
    variables={
        "time_s": TIME,
        "arrival_per_s": POSITIVE_ARRIVAL,
        "batch": BATCH,
        "replicas": REPLICAS,
        "fixed_s": FIXED,
        "per_item_s": PER_ITEM,
        "routing": ROUTING,
        "service_model": SERVICE_MODEL,
    },
    result=Result("P(T > t)", "1", "share of requests slower than t"),
    validity="The distribution behind the fleet's percentile: the queue's tail, shifted by the formation "
    "wait of "
    "the first request. 1 at every time at or above capacity and without replicas.",
    source=FLEET_SOURCE,
)
def batched_fleet_survival(
    time_s: Real,
    arrival_per_s: Real,
    batch: Real,
    replicas: Real,
    fixed_s: Real,
    per_item_s: Real,
    routing: str,
    service_model: str,
) -> Real:
    """Share of requests to a batching fleet that take longer than a time."""
    service = batch_service_time(fixed_s, per_item_s, batch)
    requests, batches, servers = _fleet_flow(arrival_per_s, batch, replicas, routing)
    shifted = time_s - batch_formation_wait_max(batch, requests)
    after = np.maximum(shifted, 0.0)
    if routing == "random_split":
        single = mm1_survival if service_model == "exponential" else md1_survival_approx
        tail = single(after, service, batches * service)
    elif service_model == "exponential":
        tail = mmc_survival(after, batches, service, servers)
    else:
        # A share 1 - C is served at once; the rest waits half as long as with exponential service.
        load = batches * service
        waited = np.maximum(after - service, 0.0)
        late = erlang_c(servers, load) * np.exp(-2.0 * (servers - load) * waited / service)
        tail = _where_stable(load / servers, np.where(np.less(after, service), 1.0, late), 1.0)
    return _without_replicas(replicas, np.where(np.less(shifted, 0.0), 1.0, tail), 1.0)


# --- overload -------------------------------------------------------------------------------------------


CAPACITY = Variable("C", "1/s", "rate at which requests can leave", POSITIVE)
DURATION = Variable("t", "s", "time since the overload began", NONNEGATIVE)


@formula(
    latex=r"Q = \max\left(0, \lambda - C\right) \cdot t",
    variables={"arrival_per_s": ARRIVAL, "capacity_per_s": CAPACITY, "duration_s": DURATION},
    result=Result("Q", "requests", "backlog"),
    validity="Fluid model: rates are constant and nothing is shed.",
    source="Conservation of requests (course, Model Serving).",
)
def overload_backlog(arrival_per_s: Real, capacity_per_s: Real, duration_s: Real) -> Real:
    """Requests that pile up while more arrive than can leave."""
    return np.maximum(0.0, arrival_per_s - capacity_per_s) * duration_s


@formula(
    latex=r"w = \frac{\max\left(0, \lambda - C\right) \cdot t}{C}",
    variables={"arrival_per_s": ARRIVAL, "capacity_per_s": CAPACITY, "duration_s": DURATION},
    result=Result("w", "s", "wait of a request that arrives now"),
    validity="Fluid model, first come first served, nothing is shed.",
    source="Backlog over capacity (course, Model Serving).",
)
def overload_wait(arrival_per_s: Real, capacity_per_s: Real, duration_s: Real) -> Real:
    """Wait of a request that arrives some time after an overload began."""
    return overload_backlog(arrival_per_s, capacity_per_s, duration_s) / capacity_per_s
