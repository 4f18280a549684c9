"""The one unit registry of the suite, defined from scratch.

Pint's default registry makes a byte dimensionless, so it would accept 3.35 THz as a memory bandwidth.
Here information, operations and money are dimensions of their own and a wrong unit is an error.
Prefixes are decimal (GB = 1e9 B); binary ones are written KiB, MiB, GiB.
"""

from __future__ import annotations

import pint

_DEFINITIONS = """
pico- = 1e-12 = p-
nano- = 1e-9 = n-
micro- = 1e-6 = u- = µ-
milli- = 1e-3 = m-
kilo- = 1e3 = k-
mega- = 1e6 = M-
giga- = 1e9 = G-
tera- = 1e12 = T-
peta- = 1e15 = P-
exa- = 1e18 = E-
kibi- = 1024 = Ki-
mebi- = 1048576 = Mi-
gibi- = 1073741824 = Gi-

second = [time] = s
minute = 60 * second = min
hour = 3600 * second = h
day = 86400 * second = d
year = 365 * day
hertz = 1 / second = Hz
meter = [length] = m
kilogram = [mass] = kg
gram = 1e-3 * kilogram = g
ampere = [current] = A
joule = kilogram * meter ** 2 / second ** 2 = J
watt = joule / second = W
watt_hour = 3600 * joule = Wh
volt = watt / ampere = V

byte = [information] = B
bit = byte / 8 = b
operation = [operation] = OP = op
FLOP = operation
OPS = operation / second
FLOPS = operation / second
USD = [currency]

fraction = []
percent = 0.01 * fraction
count = []
parameter = count
layer = count
head = count
token = count
image = count
GPU = count
"""

ureg: pint.UnitRegistry[float] = pint.UnitRegistry(None)
ureg.load_definitions(_DEFINITIONS.splitlines())
