"""The limits of a course, kept: who may open, sign in, launch or import now, and who has to wait."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from labs.buckets import Buckets
from labs.course.limits import Limits

#: A page may make changes for this long at once (s): a drag across a whole slider.
BURST_S = 4
#: An IPv6 client has a network of this many bits to itself.
IPV6_PREFIX = 64


class Gate:
    """The buckets of one server process. Every method answers 0.0 for "go on", or the seconds to wait."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        def a_minute(count: int) -> Buckets:
            return Buckets(count, count / 60, clock)

        self._pages_of_student = a_minute(limits.pages_per_student)
        self._pages_of_address = a_minute(limits.pages_per_address)
        self._newcomers = a_minute(limits.newcomers_per_address)
        self._sign_ins_of_account = a_minute(limits.sign_ins_per_account)
        self._sign_ins_of_address = a_minute(limits.sign_ins_per_address)
        self._launches = a_minute(limits.launches_per_address)
        self._imports = a_minute(limits.imports_per_student)
        self._changes = Buckets(BURST_S * limits.changes_per_page, limits.changes_per_page, clock)

    def page(self, student_id: str | None, address: str) -> float:
        """Whether a page may be opened, by a student whom the suite knows already, or by a newcomer (None)."""
        place = client(address)
        first = self._newcomers.take(place) if student_id is None else self._pages_of_student.take(student_id)
        # Who is stopped here takes nothing from the others at the same address.
        return first or self._pages_of_address.take(place)

    def sign_in(self, account: str, address: str) -> float:
        """Whether somebody may try to sign in to an account."""
        return self._sign_ins_of_account.take(account) or self._sign_ins_of_address.take(client(address))

    def launch(self, address: str) -> float:
        """Whether a portal's launch, or a token for one, may be exchanged."""
        return self._launches.take(client(address))

    def file(self, student_id: str) -> float:
        """Whether a student may import a ledger file."""
        return self._imports.take(student_id)

    def change(self, session_id: str) -> float:
        """Whether a change on a page is taken up now."""
        return self._changes.take(session_id)


def client(address: str) -> str:
    """What counts as one client: an IPv4 address, the network of an IPv6 address, or a text that is neither."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> (128 - IPV6_PREFIX) << (128 - IPV6_PREFIX))}/{IPV6_PREFIX}"
