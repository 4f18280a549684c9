"""The queue of scores on PostgreSQL: several senders at once, as on several machines."""

from __future__ import annotations

import threading

from postgres import postgres_server, postgres_url  # noqa: F401 - fixtures

from ledger import DesignLedger, open_store
from ledger.grades import GradeColumn, claim_column, claim_delivery, column_found, delivered, grade_to, waiting
from tests.unit.ledger.ledger_designs import example

COLUMN = GradeColumn("https://lms.example.edu", "client", "1", "link-1", "ch02", "https://lms.example.edu/columns")


def test_senders_on_several_machines_take_each_score_once_and_make_a_column_once(postgres_url: str) -> None:  # noqa: F811
    first = open_store(postgres_url)
    students = [f"student-{n}" for n in range(40)]
    for student in students:
        grade_to(first, student, f"user of {student}", COLUMN)
        DesignLedger(first, student).save(2, design=example("ch02"), score=0.6)
    taken: list[str] = []
    made: list[int] = []

    def send(number: int) -> None:
        store = open_store(postgres_url)
        if claim_column(store, COLUMN, 60):
            made.append(number)
            column_found(store, COLUMN, "https://lms.example.edu/columns/1")
        while (delivery := claim_delivery(store, 60)) is not None:
            taken.append(delivery.student_id)
            delivered(store, delivery)
        store.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == sorted(students)
    assert len(made) == 1
    assert waiting(first) == 0
    first.close()
