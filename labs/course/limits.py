"""`[limits]`: how much of the server one student, one address or one page may take."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from labs.course.table import Table

Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Limits(Table):
    """Counts of one server process. Each may be used up at once and comes back evenly, over its minute or second.

    A whole class may share one address, behind the gateway of a campus: limits of an address are wide, those of a
    student narrow, and first visits of an address count apart, so that a flood of them shuts out nobody who is known.

    Attributes:
        pages_per_student: pages opened in a minute by one student.
        pages_per_address: pages opened in a minute from one address.
        newcomers_per_address: pages opened in a minute from one address by browsers without a cookie of the suite.
        sign_ins_per_account: attempts to sign in to one account in a minute.
        sign_ins_per_address: attempts to sign in from one address in a minute.
        launches_per_address: launches from a portal in a minute from one address.
        imports_per_student: ledger files imported in a minute by one student.
        changes_per_page: changes in a second on one page, four seconds' worth at once; faster ones wait their turn.
    """

    pages_per_student: Count = 60
    pages_per_address: Count = 1200
    newcomers_per_address: Count = 600
    sign_ins_per_account: Count = 10
    sign_ins_per_address: Count = 400
    launches_per_address: Count = 600
    imports_per_student: Count = 10
    changes_per_page: Count = 40
