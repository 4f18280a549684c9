"""Token buckets: how often something may be done, in a burst and for long."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

#: Buckets remembered at a time; the one used longest ago is forgotten first, which is as if it were full.
MOST_BUCKETS = 50_000


class Buckets:
    """One bucket per key: each holds `capacity` tokens when full and gets `per_second` back.

    `clock` gives seconds; the process's monotonic clock unless a test brings its own.
    """

    def __init__(self, capacity: float, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = capacity
        self._per_second = per_second
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> float:
        """Takes a token out of the bucket of `key`: 0.0 when there was one, else the seconds until there will be."""
        now = self._clock()
        left, since = self._left.pop(key, (self._capacity, now))
        left = min(self._capacity, left + (now - since) * self._per_second)
        taken = left >= 1.0
        self._left[key] = (left - 1.0 if taken else left, now)
        if len(self._left) > MOST_BUCKETS:
            self._left.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / self._per_second
