"""The folder through which server processes share their numbers."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

#: Read by `prometheus_client` when it is imported: this module must not import it.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def shared_numbers(processes: int) -> Iterator[None]:
    """Makes the folder if several processes are going to be forked, and removes it when the first one ends.

    A folder that the environment names is used, and left in place.
    """
    if processes == 1 or FOLDER_VARIABLE in os.environ:
        yield
        return
    folder, owner = tempfile.mkdtemp(prefix="mlsys-labs-metrics-"), os.getpid()
    os.environ[FOLDER_VARIABLE] = folder
    try:
        yield
    finally:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
