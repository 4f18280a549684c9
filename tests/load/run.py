"""A class on a deployment: from the quiet server to the quiet server after it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from labs.lab import Lab
from ledger import load_secret
from tests.browser.server import ROOT
from tests.deployment import Deployment
from tests.load.generator import Plan
from tests.load.ledger import Count, hold_against
from tests.load.usage import Sample, Watch

#: A server that has used less than this share of a processor for `QUIET_S` has drawn all it draws in advance.
QUIET_SHARE = 0.05
QUIET_S = 5.0
LONGEST_WARM_UP_S = 600.0

#: How long after its page a session has surely been discarded (s).
REST_OF_A_SESSION_S = 45.0


@dataclass(frozen=True)
class Run:
    """What was measured."""

    plan: Plan
    processes: int
    processors: int
    generated: dict[str, Any]
    ledger: Count
    baseline: dict[str, Sample]
    after_rest: dict[str, Sample]
    samples: dict[str, list[Sample]]
    complaints: str
    load_before: float


def load(
    deployment: Deployment,
    lab: type[Lab],
    plan: Plan,
    *,
    postgres_pid: int,
    rest_s: float,
    warm_up: int,
    await_quiet_s: float = LONGEST_WARM_UP_S,
    say: Callable[[str], None] = print,
) -> Run:
    """Sends a class through a running deployment, lets it rest for `rest_s`, and holds the ledger against the class.

    `warm_up` students come before the baseline is taken, so that it is that of a server that has worked before.
    Raises RuntimeError if the suite still draws plots after `await_quiet_s`, unless that is 0.
    """
    groups = {
        "suite": [server.pid for server in deployment.servers],
        "nginx": [deployment.nginx.pid],
        "postgresql": [postgres_pid],
    }
    watch = Watch(groups)
    if await_quiet_s:
        say("waiting until the processes have drawn what they draw in advance …")
        await_quiet(watch, await_quiet_s)
    if warm_up:
        say(f"{warm_up} students warm up …")
        generate(Plan(**{**asdict(plan), "students": warm_up, "opening_s": 1.0, "pace_s": 0.5, "acting_s": 8.0}))
        time.sleep(REST_OF_A_SESSION_S)
    load_before = os.getloadavg()[0]
    baseline = watch.now()
    watch.start()
    say(f"{plan.students} students …")
    generated = generate(plan)
    say(f"they have left; resting for {rest_s:.0f} s …")
    time.sleep(rest_s)
    after_rest = watch.now()
    watch.stop()
    say("holding the ledger against what the students were answered …")
    count = hold_against(deployment.store(), lab, load_secret(deployment.secret_path), generated["visits"])
    return Run(
        plan,
        len(deployment.servers),
        os.cpu_count() or 1,
        generated,
        count,
        baseline,
        after_rest,
        watch.samples,
        deployment.complaints(),
        load_before,
    )


def await_quiet(watch: Watch, at_most_s: float) -> None:
    """Returns once the suite's processes have nothing to do."""
    deadline = time.monotonic() + at_most_s
    before = watch.now()["suite"]
    while time.monotonic() < deadline:
        time.sleep(QUIET_S)
        now = watch.now()["suite"]
        if now.cpu_s - before.cpu_s < QUIET_SHARE * (now.at_s - before.at_s):
            return
        before = now
    raise RuntimeError(f"the suite was still busy after {at_most_s:.0f} s")


def generate(plan: Plan) -> dict[str, Any]:
    """Runs the students in a process of their own; its processor time is not the server's."""
    command = [sys.executable, "-m", "tests.load.generator"]
    done = subprocess.run(
        command, cwd=ROOT, input=json.dumps(asdict(plan)), stdout=subprocess.PIPE, text=True, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout)
    return result
