"""A real PostgreSQL that goes away and comes back while several students work."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
from postgres import Cluster, own_postgres  # noqa: F401 - a fixture

from ledger import DesignLedger, Outbox, Spool, WorkingLedger, open_store

AWAY_S = 3.0
STUDENTS = ("one", "two", "three")


def test_nothing_is_lost_or_doubled_while_postgresql_is_away(
    own_postgres: Cluster,  # noqa: F811
    tmp_path: Path,
) -> None:
    with psycopg.connect(f"{own_postgres.url}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE ledger")
    store = open_store(f"{own_postgres.url}/ledger")
    outbox = Outbox(store, Spool(tmp_path / "outbox")).start()
    ledgers = {student: WorkingLedger(outbox, student) for student in STUDENTS}
    done: dict[str, list[int]] = {student: [] for student in STUDENTS}
    slowest = 0.0

    def work() -> None:
        nonlocal slowest
        for student, ledger in ledgers.items():
            number = len(done[student])
            began = time.monotonic()
            ledger.record("opened", 2, 1, {"number": number}, progress={"state": "briefing", "number": number})
            slowest = max(slowest, time.monotonic() - began)
            done[student].append(number)

    work()
    assert outbox.backlog()[0] == 0
    own_postgres.stop()
    until = time.monotonic() + AWAY_S
    while time.monotonic() < until:
        work()
        time.sleep(0.2)
    assert outbox.backlog()[0] == sum(map(len, done.values())) - len(STUDENTS)
    own_postgres.start()
    deadline = time.monotonic() + 20
    while outbox.backlog()[0]:
        # They go on while what waits is being sent.
        work()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    work()
    assert outbox.backlog()[0] == 0
    for student in STUDENTS:
        plain = DesignLedger(store, student)
        assert [event.data["number"] for event in plain.events(2, 1)] == done[student]
        assert plain.progress(2, 1) == {"state": "briefing", "number": done[student][-1]}
    assert slowest < 4, "a page has waited"
    outbox.close()
    store.close()
