"""`mlsys-labs`: serve, list, check, new, ledger, student, secret."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from labs import site
from labs.busy import PortBusyError
from labs.catalog import UnknownLabError, catalog, lab_named, name_of, path_of
from labs.course import CourseFileError, load_course
from labs.new_file import write_new
from labs.secret_commands import add_secret_commands
from labs.student_commands import add_student_commands
from labs.usage import UsageError
from ledger import LedgerError, class_statistics, export_all, import_all


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 0 on success, 1 when a check fails, 2 when something was asked wrongly."""
    options = _parser().parse_args(arguments)
    if getattr(options, "course", None) is not None:
        os.environ[site.COURSE_VARIABLE] = options.course
    if options.ledger is not None:
        os.environ[site.LEDGER_VARIABLE] = options.ledger
    try:
        return options.run(options)
    except (UsageError, UnknownLabError, CourseFileError, LedgerError, FileExistsError, PortBusyError) as problem:
        print(f"mlsys-labs: {problem}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mlsys-labs", description="Interactive labs for a course on machine-learning systems."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run, summary: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=run, ledger=None)
        return sub

    serve = command("serve", _serve, "Serve the suite.")
    serve.add_argument("--port", type=int, default=5006, help="port to listen on (default 5006)")
    serve.add_argument("--address", help="address to listen on (default: all)")
    serve.add_argument("--num-procs", type=int, default=1, metavar="N", help="server processes (default 1)")
    serve.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="HOST",
        help="host[:port] under which browsers reach the server; may be repeated",
    )
    _conda_options(serve)
    _course_option(serve)
    _ledger_option(serve)

    config = command("check-config", _check_config, "Check a course's file, and say what it decides.")
    config.add_argument("file", help="the file, in TOML")

    warm = command("warm", _warm, "Draw every plot once, for servers to find: part of an installation's image.")
    _course_option(warm)

    listing = command("list", _list, "List the labs.")
    listing.add_argument("--json", action="store_true", help="as JSON")

    check = command("check", _check, "Run the conformance robot over labs (all by default).")
    check.add_argument("labs", nargs="*", metavar="LAB", help="V1-02, v2_05 or a lab's file")

    shots = command(
        "snapshot", _snapshot, "Write labs (the course's by default) as HTML that works without a server or a network."
    )
    shots.add_argument("labs", nargs="*", metavar="LAB", help="V1-02, v2_05 or a lab's file")
    shots.add_argument(
        "--out", required=True, metavar="DIR", help="folder to write to: new, empty, or of an earlier snapshot"
    )
    shots.add_argument("--single-file", action="store_true", help="every page complete in itself, for mailing")
    shots.add_argument(
        "--answers", action="store_true", help="print as the instructor's version, with answers and solutions"
    )
    _course_option(shots)
    shots.add_argument(
        "--processes", type=int, metavar="N", help="labs recorded at a time (default: one per processor)"
    )

    new = command("new", _new, "Write the skeleton of a lab.")
    new.add_argument("volume", type=int, choices=(1, 2))
    new.add_argument("number", type=int)
    new.add_argument("slug", help="last part of the file's name: ml_workflow for lab_03_ml_workflow.py")

    ledger = command("ledger", None, "Export, import or summarise the ledger of the whole course.")
    actions = ledger.add_subparsers(required=True, metavar="ACTION")
    for name, run, summary in (
        ("export", _ledger_export, "Write every student's ledger as JSON lines."),
        ("import", _ledger_import, "Take up ledgers from JSON lines; of two entries for one lab the newer stays."),
        ("stats", _ledger_stats, "Per lab: how many opened, predicted, saved, and how they predicted."),
    ):
        sub = actions.add_parser(name, help=summary, description=summary)
        sub.set_defaults(run=run, ledger=None)
        _ledger_option(sub)
        if name != "stats":
            sub.add_argument("file", help="file to use; - for standard input or output")
        else:
            sub.add_argument("--csv", action="store_true", help="as CSV")
        if name == "export":
            sub.add_argument("--without-names", action="store_true", help="pseudonyms alone, for research")

    add_student_commands(command, _ledger_option)
    add_secret_commands(command)
    return parser


def _conda_options(serve: argparse.ArgumentParser) -> None:
    """What `anaconda-project run` passes on: the same options under its own names, and some that change nothing here.

    A prefix of the address is not among them: the suite would not answer under it, and the error says so.
    """
    hidden = argparse.SUPPRESS
    serve.add_argument("--anaconda-project-port", dest="port", type=int, default=hidden, help=hidden)
    serve.add_argument("--anaconda-project-address", dest="address", default=hidden, help=hidden)
    serve.add_argument("--anaconda-project-host", dest="allow_origin", action="append", default=hidden, help=hidden)
    serve.add_argument("--anaconda-project-iframe-hosts", default=hidden, help=hidden)
    for flag in ("--anaconda-project-no-browser", "--anaconda-project-use-xheaders"):
        serve.add_argument(flag, action="store_true", default=hidden, help=hidden)


def _course_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--course",
        metavar="FILE",
        help=f"the course's file, see docs/course.md (default ${site.COURSE_VARIABLE}, or the whole suite)",
    )


def _ledger_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ledger",
        metavar="URL",
        help=f"path of an SQLite file, or postgresql://… (default ${site.LEDGER_VARIABLE} or {site.DEFAULT_LEDGER})",
    )


def _serve(options: argparse.Namespace) -> int:
    from labs.app import serve

    if not 0 < options.port < 65536:
        raise UsageError(f"--port takes a number from 1 to 65535, not {options.port}")
    if options.num_procs < 1:
        raise UsageError(f"--num-procs takes a number from 1, not {options.num_procs}")
    serve(options.port, options.address, options.allow_origin, options.num_procs)
    return 0


def _check_config(options: argparse.Namespace) -> int:
    course = load_course(options.file)
    opens = [(lab, course.opens_at(lab)) for lab in course.offered]
    print(f"{options.file}: {course.title}, {len(opens)} labs")
    for lab, moment in opens:
        if moment is not None:
            print(f"{name_of(lab)}  from {moment.isoformat(timespec='minutes')}  {lab.title}")
    return 0


def _warm(options: argparse.Namespace) -> int:
    from labs.warm import CACHE_VARIABLE, DEFAULT_CACHE, draw_all, keep_drawings

    keep_drawings()
    plots = draw_all()
    print(f"{plots} plots are drawn in {os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE}")
    return 0


def _list(options: argparse.Namespace) -> int:
    if options.json:
        rows = [
            {
                "volume": lab.volume,
                "number": lab.number,
                "slug": lab.slug,
                "title": lab.title,
                "path": f"/{path_of(lab)}",
                "minutes": lab.minutes(),
                "contexts": [context.id for context in lab.contexts],
            }
            for lab in catalog()
        ]
        print(json.dumps(rows, indent=2))
    else:
        for lab in catalog():
            contexts = ", ".join(context.id for context in lab.contexts)
            print(f"{name_of(lab)}  {lab.minutes():>2} min  {lab.title}  ({contexts})")
    return 0


def _check(options: argparse.Namespace) -> int:
    from labs.conformance import check_labs

    reports = check_labs([lab_named(name) for name in options.labs] or catalog())
    for report in reports:
        print(report)
    return 0 if all(report.passed for report in reports) else 1


def _snapshot(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from labs.snapshot.suite import SnapshotError, Style, snapshot

    labs = [lab_named(name) for name in options.labs] or list(site.course().offered)
    if options.processes is not None and options.processes < 1:
        raise UsageError(f"--processes takes a number from 1, not {options.processes}")
    with tqdm(total=len(labs), unit="lab", disable=None) as bar:

        def progress(done: int, total: int, name: str) -> None:
            bar.total = total
            bar.set_postfix_str(name)
            bar.update(done - bar.n)

        try:
            report = snapshot(
                labs,
                Path(options.out),
                Style(single_file=options.single_file, answers=options.answers),
                processes=options.processes,
                progress=progress,
            )
        except SnapshotError as problem:
            raise UsageError(str(problem)) from None
    print(
        f"{options.out}: {len(labs) - len(report.unchanged)} of {len(labs)} labs recorded, "
        f"{len(report.unchanged)} unchanged; open {Path(options.out) / 'index.html'}"
    )
    return 0


def _new(options: argparse.Namespace) -> int:
    from labs.scaffold import scaffold

    path = scaffold(options.volume, options.number, options.slug)
    name = f"V{options.volume}-{options.number:02d}"
    print(f"wrote {path}\nIt runs as it stands: mlsys-labs check {name}, then panel serve {path}.")
    return 0


def _ledger_export(options: argparse.Namespace) -> int:
    lines = export_all(site.store(), with_names=not options.without_names)
    if options.file == "-":
        for line in lines:
            print(line)
    else:
        write_new(Path(options.file), lines)
    return 0


def _ledger_import(options: argparse.Namespace) -> int:
    if options.file == "-":
        print(import_all(site.store(), sys.stdin))
        return 0
    source = Path(options.file)
    if not source.is_file():
        raise UsageError(f"there is no file {source}")
    with source.open(encoding="utf-8") as file:
        print(import_all(site.store(), file))
    return 0


def _ledger_stats(options: argparse.Namespace) -> int:
    statistics = class_statistics(site.store())
    frame = statistics.to_frame()
    print(frame.to_csv(index=False) if options.csv else frame.to_string(index=False))
    return 0
