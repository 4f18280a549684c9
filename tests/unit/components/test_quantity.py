"""Numbers as readers want to see them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.quantity import counted, duration, number, percent, plain, quantity, scientific, usd

readable = st.floats(1e-4, 9e8)
signed = st.tuples(readable, st.sampled_from([-1, 1])).map(lambda pair: pair[0] * pair[1])
anything = st.floats(allow_nan=True, allow_infinity=True)


def back(text: str) -> float:
    """The number that a text stands for."""
    return float(text.replace(",", "").replace("−", "-"))


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0, 3, "0"),
        (8, 3, "8.00"),
        (9.996, 3, "10.0"),
        (0.0999949, 3, "0.100"),
        (1234.5, 3, "1,234"),
        (1234.5, 6, "1,234.50"),
        (-7.5, 2, "−7.5"),
        (0.00012345, 3, "0.000123"),
        (1.5e9, 3, "1.50 × 10^9"),
        (-1.5e9, 3, "−1.50 × 10^9"),
        (2.5e-7, 2, "2.5 × 10^−7"),
        (math.inf, 3, "∞"),
        (-math.inf, 3, "−∞"),
        (math.nan, 3, "–"),
    ],
)
def test_numbers(value: float, digits: int, text: str) -> None:
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.25, "0.25"),
        (0.0, "0"),
        (9.5367e-7, "9.5 × 10⁻⁷"),
        (-2e-12, "−2.0 × 10⁻¹²"),
        (3.4e6, "3.4 × 10⁶"),
        (math.inf, "∞"),
        (math.nan, "–"),
    ],
)
def test_powers_of_ten_are_raised(value: float, text: str) -> None:
    assert scientific(value) == text


@given(value=signed, digits=st.integers(1, 8))
def test_a_number_keeps_its_digits_and_has_no_exponent(value: float, digits: int) -> None:
    text = number(value, digits)
    assert "e" not in text
    assert "^" not in text
    assert back(text) == pytest.approx(value, rel=0.5001 * 10 ** (1 - digits))


@given(value=anything, digits=st.integers(1, 8))
def test_no_number_shows_what_python_calls_it(value: float, digits: int) -> None:
    for text in (
        number(value, digits),
        quantity(value, "B", digits),
        duration(value, digits),
        percent(value),
        usd(value),
    ):
        assert not any(word in text for word in ("nan", "inf", "e+", "e-", "None"))
        assert text.strip() == text


@given(value=signed, digits=st.integers(1, 6))
def test_a_setting_is_written_without_needless_zeros(value: float, digits: int) -> None:
    text = plain(value, digits)
    assert back(text) == pytest.approx(value, rel=0.5001 * 10 ** (1 - digits))
    assert not (("." in text) and text.endswith("0"))


@pytest.mark.parametrize(
    ("value", "text"),
    [(8.0, "8"), (0.2, "0.2"), (1510, "1,510"), (0.1 + 0.2, "0.3"), (-2.5, "−2.5"), (123456, "123,500")],
)
def test_settings(value: float, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.68e-3, "s", "1.68 ms"),
        (3.35e12, "B/s", "3.35 TB/s"),
        (9.996e2, "W", "1.00 kW"),
        (999.4, "W", "999 W"),
        (0.1, "W", "100 mW"),
        (6.25e-6, "W", "6.25 µW"),
        (1e18, "FLOP", "1,000 PFLOP"),
        (1e-12, "s", "0.00100 ns"),
        (0, "B", "0 B"),
        (math.inf, "s", "∞ s"),
        (math.nan, "s", "– s"),
        (-2e3, "J", "−2.00 kJ"),
        (12, "", "12.0"),
    ],
)
def test_quantities(value: float, unit: str, text: str) -> None:
    assert quantity(value, unit) == text


@given(value=st.floats(1e-9, 9.9e17))
def test_a_quantity_has_one_to_three_digits_before_the_point(value: float) -> None:
    text = quantity(value, "B")
    mantissa, unit = text.split(" ")
    assert 0.99 < back(mantissa) < 1000 or unit == "PB"
    factor = {"n": 1e-9, "µ": 1e-6, "m": 1e-3, "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}[unit[:-1]]
    assert back(mantissa) * factor == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.5e-6, "1.50 µs"),
        (2e-3, "2.00 ms"),
        (27.1 * 60, "27.1 min"),
        (20.4 * 3600, "20.4 h"),
        (8.48 * 86400, "8.48 d"),
        (49.3 * 365 * 86400, "49.3 years"),
        (0, "0 s"),
        (math.inf, "∞ s"),
        (math.nan, "– s"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("fraction", "decimals", "text"),
    [(0.1478, 1, "14.8 %"), (-0.05, 0, "−5 %"), (12.5, 0, "1,250 %"), (math.inf, 1, "∞ %"), (math.nan, 1, "– %")],
)
def test_percentages(fraction: float, decimals: int, text: str) -> None:
    assert percent(fraction, decimals) == text


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [(168944.2, 0, "168,944 USD"), (2.225, 2, "2.23 USD"), (-3.5, 1, "−3.5 USD"), (math.inf, 0, "∞ USD")],
)
def test_money(amount: float, decimals: int, text: str) -> None:
    assert usd(amount, decimals) in (text, text.replace("2.23", "2.22"))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1, "cameras", "1 camera"),
        (8, "cameras", "8 cameras"),
        (1.0, "GPUs", "1 GPU"),
        (1.5, "days", "1.5 days"),
        (0, "days", "0 days"),
        (-1, "days", "−1 days"),
        (1000, "people", "1,000 people"),
        (16384, "GPUs", "16,384 GPUs"),
        (1, "people", "1 person"),
        (1, "queries", "1 query"),
        (1, "processes", "1 process"),
        (1, "batches", "1 batch"),
        (1, "images per second", "1 image per second"),
        # No plurals.
        (1, "ms", "1 ms"),
        (1, "s", "1 s"),
        (1, "USD", "1 USD"),
        (1, "loss", "1 loss"),
        (1, "per node", "1 per node"),
        (1, "% of the jobs", "1 % of the jobs"),
        (1, "", "1"),
    ],
)
def test_one_thing_is_called_in_the_singular(value: float, unit: str, text: str) -> None:
    assert counted(value, unit) == text
