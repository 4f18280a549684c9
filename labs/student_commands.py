"""`mlsys-labs student`: what the ledger holds of one student, for a request under data-protection law."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from labs import site
from labs.new_file import write_new
from labs.usage import UsageError
from ledger import LedgerError, erase_student, find_by_name, is_known, student_data
from ledger.identity import check_student_id
from ledger.people import names

WHO = "pseudonym, name or e-mail address of the sign-in, or the name that the course shows"


def add_student_commands(command: Callable[..., argparse.ArgumentParser], ledger_option: Callable[..., None]) -> None:
    """Adds `student find`, `export` and `erase` to the command line."""
    actions = command("student", None, "Find, export or erase what the ledger holds of one student.").add_subparsers(
        required=True, metavar="ACTION"
    )
    for name, run, summary in (
        ("find", _find, "Print the pseudonyms that a student may have."),
        ("export", _export, "Write everything the ledger holds of a student as one JSON file."),
        ("erase", _erase, "Erase everything the ledger holds of a student, log and name included."),
    ):
        sub = actions.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=run, ledger=None)
        sub.add_argument("student", help=WHO)
        ledger_option(sub)
        if name == "export":
            sub.add_argument("file", help="file to write; - for standard output")
        if name == "erase":
            sub.add_argument("--yes", action="store_true", help="do not ask")


def candidates(who: str) -> dict[str, str]:
    """Pseudonym -> name, empty where none is known, of all students whom `who` may mean."""
    store = site.store()
    known = names(store)
    found = find_by_name(store, who)
    for student in (who, *site.pseudonyms(who)):
        if _has_form(student) and is_known(store, student):
            found = {student: known.get(student, "")}
            break
    return found


def _has_form(student: str) -> bool:
    try:
        check_student_id(student)
    except LedgerError:
        return False
    return True


def _the_one(who: str) -> str:
    found = candidates(who)
    if len(found) == 1:
        return next(iter(found))
    if not found:
        raise UsageError(
            f"the ledger at {site.store().location} holds nothing of {who!r}; give the {WHO} letter for letter. Who "
            "never signed in has no name here: their pseudonym stands in a file that they export in the Ledger tab"
        )
    listed = "; ".join(f"{student} ({name})" for student, name in found.items())
    raise UsageError(f"{who!r} may be several students; give one pseudonym: {listed}")


def _find(options: argparse.Namespace) -> int:
    found = candidates(options.student)
    for student, name in found.items():
        print(f"{student}  {name}".rstrip())
    if not found:
        print(f"mlsys-labs: the ledger holds nothing of {options.student!r}", file=sys.stderr)
    return 0 if found else 1


def _export(options: argparse.Namespace) -> int:
    text = student_data(site.store(), _the_one(options.student))
    if options.file == "-":
        print(text)
    else:
        write_new(Path(options.file), [text])
    return 0


def _erase(options: argparse.Namespace) -> int:
    student = _the_one(options.student)
    name = names(site.store()).get(student, "no name known")
    if not options.yes:
        if not sys.stdin.isatty():
            raise UsageError("erasing asks first, and nobody is there to answer; give --yes")
        print(f"Erase everything of {student} ({name}) in {site.store().location}? It cannot be undone.")
        if input("Type the word erase to go on: ").strip() != "erase":
            print("Nothing was erased.")
            return 1
    rows = erase_student(site.store(), student)
    told = ", ".join(f"{count} in {table}" for table, count in rows.items() if count)
    print(f"Erased {student}: rows {told}. Backups made before still hold them.")
    return 0
