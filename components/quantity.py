"""Numbers as a reader wants to see them: significant digits, thousands separators, units with prefixes."""

from __future__ import annotations

import math

_PREFIXES = (
    (1e15, "P"),
    (1e12, "T"),
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
)
_DURATIONS = (
    (365 * 86400.0, "years"),
    (86400.0, "d"),
    (3600.0, "h"),
    (60.0, "min"),
    (1.0, "s"),
    (1e-3, "ms"),
    (1e-6, "µs"),
)
#: Plurals that no rule makes, and the endings of those that are more than an s.
_IRREGULAR = {"people": "person"}
_ENDINGS = (("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"))


def number(value: float | None, digits: int = 3) -> str:
    """`value` with `digits` significant digits, thousands separated, no exponent between 1e-4 and 1e9.

    Infinity reads "∞", an undefined value "–".
    """
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    if not -4 <= magnitude < 9:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10^{int(exponent)}".replace("-", "−")
    decimals = max(0, digits - 1 - magnitude)
    # Rounding may carry into the next power of ten (9.996 to 10.0): count its digits again.
    rounded = round(value, decimals)
    if rounded != 0 and math.floor(math.log10(abs(rounded))) > magnitude:
        decimals = max(0, decimals - 1)
    return f"{value:,.{decimals}f}".replace("-", "−")


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def scientific(value: float, digits: int = 2) -> str:
    """As `number`, but below a thousandth and from a million on as a power of ten: 9.5 × 10⁻⁷."""
    if not math.isfinite(value) or value == 0 or 1e-3 <= abs(value) < 1e6:
        return number(value, digits)
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPTS)}".replace("-", "−")


def plain(value: float, digits: int = 4) -> str:
    """`value` rounded to `digits` significant digits without trailing zeros: 8, 0.2, 1,510. For settings.

    Infinity reads "∞", an undefined value "–".
    """
    if not math.isfinite(value):
        return number(value)
    return f"{float(f'{value:.{digits}g}'):,.12g}".replace("-", "−")


def count(value: float, digits: int = 3) -> str:
    """How many, with words for large steps: 7,000, 1.56 million, 989 million. For what is counted or compared."""
    if not math.isfinite(value):
        return number(value)
    steps = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
    # 0.9995 of a step already rounds up to the next word at three digits.
    for factor, name in steps:
        if abs(value) >= factor * 0.9995:
            return f"{plain(value / factor, digits)} {name}"
    return plain(value, digits)


def singular(unit: str) -> str:
    """A unit that counts things in the plural, as it is called of one: cameras, queries, images per second.

    What is no such word stays as it is: ms, USD, per node.
    """
    first, space, rest = unit.partition(" ")
    if first in _IRREGULAR:
        first = _IRREGULAR[first]
    elif len(first) > 3 and first.isalpha() and first.endswith("s") and not first.endswith("ss"):
        ending = next(((many, one) for many, one in _ENDINGS if first.endswith(many)), ("s", ""))
        first = first.removesuffix(ending[0]) + ending[1]
    return f"{first}{space}{rest}"


def with_unit(text: str, unit: str) -> str:
    """A number that is written already, with its unit: 8 cameras, but 1 camera."""
    return f"{text} {singular(unit) if text == '1' else unit}".strip()


def counted(value: float, plural: str, digits: int = 4) -> str:
    """How many of what, whole numbers in full: 1 camera, 8 cameras, 1.5 days, 16,384 GPUs."""
    return with_unit(f"{value:,.0f}".replace("-", "−") if value == round(value) else plain(value, digits), plural)


def quantity(value: float | None, unit: str, digits: int = 3) -> str:
    """`value` in SI `unit` with the prefix that leaves one to three digits before the point: 1.68 ms, 3.35 TB/s."""
    if value is None or not math.isfinite(value) or value == 0:
        return f"{number(value)} {unit}".strip()
    # 0.9995 of a step already rounds up to the next prefix at three digits.
    factor, prefix = next((step for step in _PREFIXES if abs(value) >= step[0] * 0.9995), _PREFIXES[-1])
    return f"{number(value / factor, digits)} {prefix}{unit}".strip()


def setting(value: float, unit: str, digits: int = 3) -> str:
    """As `quantity`, without trailing zeros: 5 W, 100 mW, 1 kW. For what is set rather than measured."""
    number_, name = quantity(value, unit, digits).split(" ", 1)
    return f"{number_.rstrip('0').rstrip('.') if '.' in number_ else number_} {name}"


def duration(seconds: float | None, digits: int = 3) -> str:
    """A time in the largest unit that leaves at least one: 27.1 min, 20.4 h, 8.48 d."""
    if seconds is None or not math.isfinite(seconds) or seconds == 0:
        return f"{number(seconds)} s"
    factor, name = next((step for step in _DURATIONS if abs(seconds) >= step[0]), _DURATIONS[-1])
    return f"{number(seconds / factor, digits)} {name}"


def timespan(seconds: float, digits: int = 3) -> str:
    """A time of a schedule in seconds, minutes or hours, without trailing zeros: 30 s, 27.1 min, 72 h."""
    factor, unit = next((step for step in ((3600.0, "h"), (60.0, "min")) if seconds >= step[0] * 0.9995), (1.0, "s"))
    return f"{plain(seconds / factor, digits)} {unit}"


def percent(fraction: float | None, decimals: int = 1) -> str:
    """A fraction as percent: 0.1478 reads 14.8 %."""
    if fraction is None or not math.isfinite(100 * fraction):
        return f"{number(fraction if fraction is None else 100 * fraction)} %"
    return f"{100 * fraction:,.{decimals}f} %".replace("-", "−")


def usd(amount: float, decimals: int = 0) -> str:
    """Money: 168,944 USD."""
    return f"{amount:,.{decimals}f} USD".replace("-", "−") if math.isfinite(amount) else f"{number(amount)} USD"
