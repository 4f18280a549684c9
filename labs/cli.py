"""`mlsys-labs`: the command line of an installation."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from labs import site
from labs.busy import PortBusyError
from labs.catalog import UnknownLabError, catalog, lab_named, name_of, path_of
from labs.course import CourseFileError, load_course
from labs.lti.errors import KeyFileError
from labs.lti.tool_key import load_key, make_key
from labs.new_file import write_new
from labs.observe.settings import SettingError
from labs.secret_commands import add_secret_commands
from labs.sign_in.check import check_sign_in
from labs.sign_in.passwords import line_for
from labs.sign_in.problem import SignInError
from labs.student_commands import add_student_commands
from labs.usage import UsageError
from ledger import LedgerError, class_statistics, export_all, identity, import_all, new_student_id
from mlsysim.core.hardware import load_devices

#: Where `mlsys-labs serve` answers if nothing is said about it.
DEFAULT_BASE_URL = "http://localhost:5006"


#: Exit code of a command whose reader has left, as `| head` does: what a shell reports of one that SIGPIPE has ended.
READER_LEFT = 128 + 13


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is 0 on success, 1 when a check fails, 2 when something was asked wrongly, and
    READER_LEFT when nobody reads what it prints."""
    try:
        try:
            return _run(arguments)
        finally:
            # Here: at its own end the interpreter would complain that nobody reads it.
            sys.stdout.flush()
    except BrokenPipeError:
        # Standard output is the only pipe of a command; a ledger that is lost is a LedgerError.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_LEFT


def _run(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    if getattr(options, "course", None) is not None:
        os.environ[site.COURSE_VARIABLE] = options.course
    if options.ledger is not None:
        os.environ[site.LEDGER_VARIABLE] = options.ledger
    try:
        return options.run(options)
    except (
        UsageError,
        UnknownLabError,
        CourseFileError,
        LedgerError,
        FileExistsError,
        KeyFileError,
        PortBusyError,
        SettingError,
        SignInError,
    ) as problem:
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
    serve.add_argument(
        "--log-format",
        metavar="FORM",
        help="text or json, one object a line (default $MLSYS_LABS_LOG_FORMAT or text)",
    )
    serve.add_argument(
        "--behind-proxy",
        action="store_true",
        help="believe whoever connects about address and scheme, in place of [proxy] trusted of the course's file; "
        "only where a proxy alone reaches the port",
    )
    _conda_options(serve)
    _course_option(serve)
    _ledger_option(serve)

    static = command("static", _static, "Write the files that pages load, for a web server in front of the suite.")
    static.add_argument("--out", required=True, metavar="DIR", help="folder to write to; other versions in it stay")
    _course_option(static)

    config = command("check-config", _check_config, "Check a course's file, and say what it decides.")
    config.add_argument("file", help="the file, in TOML")

    warm = command("warm", _warm, "Draw every plot once, for servers to find: part of an installation's image.")
    _course_option(warm)

    key = command("lti-key", _lti_key, "Make the private key with which the labs answer learning platforms.")
    key.add_argument("file", help="new file for the key; the course's file names it (key_file in [lti])")
    password = command("password", _password, "Ask for a password, and print the line of a file of users.")
    password.add_argument("user", help="name to sign in with")
    password.add_argument("--name", default="", help="name that instructors read (default: the name to sign in with)")

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

    link = command("launch-link", _launch_link, "Print a link that lets somebody in once, in a role.")
    link.add_argument("--role", choices=identity.ROLES, default=identity.STUDENT, help="default student")
    link.add_argument("--user", metavar="ID", help="whose ledger it opens: one for each ID (default: a new one)")
    link.add_argument("--hours", type=float, default=12, help="how long the link can be opened (default 12)")
    link.add_argument("--next", default="/", metavar="PATH", help="where it leads (default /, the index)")
    link.add_argument(
        "--base-url", metavar="URL", help="where browsers reach the labs (default: the course's base_url, else local)"
    )
    _course_option(link)
    _ledger_option(link)

    command("launch-key", _launch_key, "Print the key with which portals sign launch tokens. Keep it secret.")
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
    proxy, browser = "--anaconda-project-use-xheaders", "--anaconda-project-no-browser"
    serve.add_argument(proxy, dest="behind_proxy", action="store_true", default=hidden, help=hidden)
    serve.add_argument(browser, action="store_true", default=hidden, help=hidden)


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
    from labs.observe import logs
    from labs.observe.processes import shared_numbers

    if not 0 < options.port < 65536:
        raise UsageError(f"--port takes a number from 1 to 65535, not {options.port}")
    if options.num_procs < 1:
        raise UsageError(f"--num-procs takes a number from 1, not {options.num_procs}")
    form = logs.chosen(options.log_format, logs.FORMAT_VARIABLE, logs.FORMATS, "text")
    level = logs.chosen(None, logs.LEVEL_VARIABLE, logs.LEVELS, "info")
    with shared_numbers(options.num_procs):
        from labs.app import serve  # with all that it needs, once it is settled where numbers are kept

        logs.configure(form, level)
        serve(options.port, options.address, options.allow_origin, options.num_procs, behind_proxy=options.behind_proxy)
    return 0


def _static(options: argparse.Namespace) -> int:
    from labs.static_files import write_static

    try:
        files = write_static(Path(options.out))
    except OSError as problem:
        raise UsageError(f"{options.out} cannot be written: {problem}") from None
    size = sum(len(file.content) for file in files)
    print(f"{options.out}: {len(files)} files, {size / 1e6:.1f} MB")
    return 0


def _check_config(options: argparse.Namespace) -> int:
    course = load_course(options.file)
    opens = [(lab, course.opens_at(lab)) for lab in course.offered]
    check_sign_in(course.sign_in)
    print(f"{options.file}: {course.title}, {len(opens)} labs")
    for lab, moment in opens:
        if moment is not None:
            print(f"{name_of(lab)}  from {moment.isoformat(timespec='minutes')}  {lab.title}")
    if course.hardware is not None:
        print(f"devices of {course.hardware}: {', '.join(load_devices(course.hardware))}")
    if course.lti.key_file is not None:
        print(f"LTI key {load_key(Path(course.lti.key_file)).public_jwk['kid']}")
    for platform in course.lti.platforms:
        print(f"LTI platform {platform.issuer}, client {platform.client_id}: {', '.join(sorted(platform.all_hosts))}")
    return 0


def _lti_key(options: argparse.Namespace) -> int:
    key = make_key(Path(options.file))
    print(f"{options.file}: a new key, {key.public_jwk['kid']}; keep it, and let nobody read it")
    return 0


def _warm(options: argparse.Namespace) -> int:
    from labs.warm import CACHE_VARIABLE, DEFAULT_CACHE, draw_all, keep_drawings

    keep_drawings()
    plots = draw_all()
    print(f"{plots} plots are drawn in {os.environ.get(CACHE_VARIABLE) or DEFAULT_CACHE}")
    return 0


def _password(options: argparse.Namespace) -> int:
    typed = getpass.getpass("Password: ")
    line = line_for(options.user, typed, options.name)
    if getpass.getpass("The same again: ") != typed:
        raise UsageError("the two differ; nothing was printed")
    print(line)
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


def _launch_link(options: argparse.Namespace) -> int:
    from labs.course.origin import checked_origin
    from labs.launch import launch_token
    from labs.launch_pages import launch_path

    if not options.hours > 0:
        raise UsageError(f"--hours takes a number above 0, not {options.hours:g}")
    base = options.base_url or site.course().base_url or DEFAULT_BASE_URL
    user = options.user if options.user is not None else new_student_id()
    try:
        token = launch_token(user, options.role, options.hours * 3600, site.secret())
        path, base = launch_path(token, options.next), checked_origin(base.rstrip("/"))
    except ValueError as problem:
        raise UsageError(str(problem)) from None
    print(f"{base}{path}")
    return 0


def _launch_key(options: argparse.Namespace) -> int:
    from labs.launch import launch_key

    print(launch_key(site.secret()))
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
