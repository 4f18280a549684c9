"""The load test: `python -m tests.load`. Exit code 1 when a budget is missed."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from labs.catalog import lab_named
from tests.deployment import Deployment
from tests.integration.postgres import cluster, new_database
from tests.load.generator import Plan
from tests.load.report import failures, figures, text
from tests.load.run import load


def main() -> int:
    """Runs a class and reports it."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="A class on a deployment on loopback.")
    parser.add_argument("--lab", default="V1-02", help="lab that everybody opens (default V1-02)")
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2, help="server processes (default 2)")
    parser.add_argument("--opening", type=float, default=60.0, metavar="S", help="all open within so many seconds")
    parser.add_argument("--pace", type=float, default=5.0, metavar="S", help="each acts every so many seconds")
    parser.add_argument("--acting", type=float, default=600.0, metavar="S", help="for so many seconds")
    parser.add_argument("--rest", type=float, default=300.0, metavar="S", help="rest before memory is looked at again")
    parser.add_argument("--warm-up", type=int, default=20, metavar="N", help="students before the baseline is taken")
    parser.add_argument("--out", type=Path, default=Path("build/load"), help="folder of the report")
    options = parser.parse_args()
    lab = lab_named(options.lab)
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="mlsys-labs-load-") as folder,
        cluster(durable=True) as postgres,
    ):
        deployment = Deployment(Path(folder), new_database(postgres.url), options.processes)
        try:
            deployment.start()
            plan = Plan(
                deployment.address_of(lab),
                str(deployment.nginx.certificate),
                options.students,
                options.opening,
                options.pace,
                options.acting,
            )
            run = load(
                deployment,
                lab,
                plan,
                postgres_pid=postgres.pid,
                rest_s=options.rest,
                warm_up=options.warm_up,
                say=lambda words: print(words, file=sys.stderr, flush=True),
            )
        finally:
            deployment.stop()
    found = figures(run)
    missed = failures(found)
    verdict = [f"MISSED: {one}" for one in missed] or ["All budgets are kept."]
    report = "\n".join([text(found), "", *verdict])
    (options.out / "load.json").write_text(json.dumps({**found, "missed": missed}, indent=2), encoding="utf-8")
    (options.out / "load.txt").write_text(f"{report}\n", encoding="utf-8")
    print(report)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
