"""Which test process runs what: tests that need the same costly thing run in one, which then makes it once.

By name, because that is all that the process which hands out the tests knows of them. (The marks that pytest-xdist has
for it are without effect under pytest 9.2.)
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

#: Modules whose tests share servers that no other module uses.
OWN_SERVERS = ("test_portal.py", "test_sign_in.py")

#: Its tests share recordings: those of a lab, or those of the labs that all others use.
RECORDINGS = "test_snapshot.py"


def shared(nodeid: str) -> str:
    """A name of what a test shares with others; its own id if nothing but what all tests share."""
    file, _, test = nodeid.partition("::")
    module = file.rpartition("/")[2]
    if module in OWN_SERVERS:
        return file
    if module == RECORDINGS:
        # The parameters of a test of one lab are the name of that lab: V1-05.
        lab = test.partition("[")[2].rstrip("]")
        return f"{file}[{lab}]" if lab.startswith("V") else file
    return nodeid


class TogetherWhatShares(LoadScopeScheduling):
    """Hands out the largest groups first and single tests after them, so that no process ends with a long queue."""

    def _split_scope(self, nodeid: str) -> str:
        return shared(nodeid)
