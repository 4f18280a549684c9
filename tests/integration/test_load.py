"""A small class on a deployment: the load test of `make load` in short, held to errors and writes and not to time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from labs.catalog import find_lab
from tests.deployment import Deployment, can_deploy
from tests.integration.postgres import cluster, new_database
from tests.load.generator import Plan
from tests.load.report import failures, figures, text
from tests.load.run import load

LAB = find_lab(1, 2)
STUDENTS = 20


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[tuple[Deployment, int]]:
    """nginx before two processes, and the number of the PostgreSQL server. Skips where a program is missing."""
    if not can_deploy() and os.environ.get("CI") != "true":
        pytest.skip("nginx or openssl is missing: python -m tests.install_system")
    with cluster() as postgres:
        instance = Deployment(tmp_path, new_database(postgres.url), offered=[LAB])
        try:
            yield instance.start(), postgres.pid
        finally:
            instance.stop()


def test_a_class_loses_nothing(deployment: tuple[Deployment, int]) -> None:
    site, postgres_pid = deployment
    plan = Plan(site.address_of(LAB), str(site.nginx.certificate), STUDENTS, opening_s=6.0, pace_s=1.0, acting_s=22.0)
    found = figures(load(site, LAB, plan, postgres_pid=postgres_pid, rest_s=0.0, warm_up=0, await_quiet_s=0.0))
    print(text(found))
    # How fast it answers depends on what else the machine does; that it answers, and what it keeps, does not.
    assert failures(found, time=False, memory=False) == []
    # Nothing is counted as kept that was never asked for: every student has gone the whole way.
    assert found["ledger"]["expected"] == found["ledger"]["found"] == STUDENTS * 15
    assert found["answered_s"]["count"] == STUDENTS * 22
    assert {name for name, use in found["usage"].items() if use["cpu_s"] > 0} >= {"suite", "nginx"}
