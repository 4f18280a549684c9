"""The memory of a server that many students use at once: collected seldom, and given back when they have left.

That much of it goes back needs Python to take its memory from the C library (`PYTHONMALLOC=malloc`, as in deploy/).
Its own allocator returns whole megabytes alone, and after a class nearly each of them holds something that stays.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import sys
from collections.abc import Callable

from tornado.ioloop import IOLoop, PeriodicCallback

#: Objects made between two looks for garbage, and looks at young ones between two at all. Building a page makes
#: tens of thousands that stay: with Python's own numbers (700, 10, 10) a sixth of an opening goes into looking.
THRESHOLDS = (20_000, 20, 10)

#: How often it is looked whether pages were left (ms).
LOOK_MS = 30_000


def settle() -> None:
    """To be called when everything is loaded: what is there now stays, and is never looked through again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


def give_back_when_left(sessions: Callable[[], int]) -> None:
    """From now on memory is collected and returned to the system when there are fewer `sessions` than before.

    Called inside the server's loop, or before it runs.
    """
    before = 0

    def look() -> None:
        nonlocal before
        now = sessions()
        if now < before:
            gc.collect()
            IOLoop.current().call_later(0, _return_to_system)
        before = now

    PeriodicCallback(look, LOOK_MS).start()


def _return_to_system() -> None:
    """The C library keeps what is free for later, and with it most of what a class has used; glibc can be asked."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "malloc_trim", None)
        if trim is not None:
            trim(0)
