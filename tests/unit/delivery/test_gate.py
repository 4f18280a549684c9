"""The limits: a class passes, a flood does not, and who is stopped stops nobody else."""

from __future__ import annotations

import pytest

from labs.buckets import MOST_BUCKETS, Buckets
from labs.course import CourseFileError, load_course
from labs.course.limits import Limits
from labs.gate import Gate, client

CAMPUS = "192.0.2.1"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills_again() -> None:
    clock = Clock()
    buckets = Buckets(3, 0.5, clock)
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 2.0]
    assert buckets.take("b") == 0.0
    clock.now += 1.9
    assert buckets.take("a") == pytest.approx(0.1)
    clock.now += 0.1
    assert buckets.take("a") == 0.0
    clock.now += 1e6
    assert [buckets.take("a") for _ in range(4)].count(0.0) == 3


def test_memory_of_buckets_is_bounded() -> None:
    buckets = Buckets(1, 1.0, Clock())
    for number in range(MOST_BUCKETS + 100):
        buckets.take(str(number))
    assert len(buckets._left) == MOST_BUCKETS


def test_a_class_of_200_behind_one_address_passes() -> None:
    """All come for the first time within one minute, by way of the index, and reload twice."""
    clock = Clock()
    gate = Gate(Limits(), clock)
    for number in range(200):
        clock.now += 60 / 200
        assert gate.page(None, CAMPUS) == 0.0
        for _ in range(3):
            assert gate.page(f"student-{number}", CAMPUS) == 0.0
    # Even when all of them press the button in the very same moment.
    gate = Gate(Limits(), Clock())
    assert not any(gate.page(None, CAMPUS) for _ in range(200))
    assert not any(gate.page(f"student-{number}", CAMPUS) for number in range(200))
    assert not any(gate.sign_in(f"student-{number}", CAMPUS) for number in range(200))
    assert not any(gate.launch(CAMPUS) for _ in range(200))


def test_a_flood_of_one_student_stops_that_student_alone() -> None:
    gate = Gate(Limits(), Clock())
    passed = [gate.page("flood", CAMPUS) for _ in range(100_000)].count(0.0)
    assert passed == Limits().pages_per_student
    assert not any(gate.page(f"student-{number}", CAMPUS) for number in range(200))
    assert not any(gate.page(None, CAMPUS) for _ in range(200))


def test_a_flood_without_a_cookie_does_not_shut_out_who_is_known() -> None:
    gate = Gate(Limits(), Clock())
    passed = [gate.page(None, CAMPUS) for _ in range(100_000)].count(0.0)
    assert passed == Limits().newcomers_per_address
    assert not any(gate.page(f"student-{number}", CAMPUS) for number in range(200))
    assert gate.page(None, "198.51.100.9") == 0.0


def test_guesses_at_a_password_are_slow_from_wherever_they_come() -> None:
    gate = Gate(Limits(), Clock())
    passed = [gate.sign_in("ada", f"203.0.113.{number % 250}") for number in range(1000)].count(0.0)
    assert passed == Limits().sign_ins_per_account
    assert gate.sign_in("grace", CAMPUS) == 0.0


def test_files_and_changes_are_counted_by_student_and_by_page() -> None:
    gate = Gate(Limits(), Clock())
    assert [gate.file("a") for _ in range(50)].count(0.0) == Limits().imports_per_student
    assert gate.file("b") == 0.0
    assert [gate.change("a") for _ in range(1000)].count(0.0) == 4 * Limits().changes_per_page
    assert gate.change("b") == 0.0


def test_a_client_is_an_address_or_a_network_of_ipv6() -> None:
    assert client("2001:db8:1:2:3::4") == client("2001:db8:1:2:ffff::1") != client("2001:db8:1:3::1")
    assert client("::ffff:192.0.2.1") == client("192.0.2.1") == "192.0.2.1"
    assert client("unix") == "unix"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[limits]\npages_per_student = 0", ", line 2: limits.pages_per_student: must be at least 1"),
        ('[limits]\npages_per_student = "many"', ", line 2: limits.pages_per_student: must be a whole number"),
        ("[limits]\npages = 3", ", line 2: limits.pages: is not known here; expected pages_per_student"),
        ('[proxy]\ntrusted = ["proxy.example"]', "expected such as 127.0.0.1, ::1 or 10.0.0.0/8"),
    ],
)
def test_mistakes_in_the_file_are_told_with_their_line(tmp_path, text: str, message: str) -> None:
    file = tmp_path / "course.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CourseFileError) as problem:
        load_course(file)
    assert message in str(problem.value)


def test_limits_are_what_the_file_says(tmp_path) -> None:
    file = tmp_path / "course.toml"
    file.write_text("[limits]\npages_per_student = 5\n[proxy]\ntrusted = ['10.0.0.0/8']", encoding="utf-8")
    course = load_course(file)
    gate = Gate(course.limits, Clock())
    assert [gate.page("a", CAMPUS) for _ in range(9)].count(0.0) == 5
    assert course.proxy.trusted == ("10.0.0.0/8",)
