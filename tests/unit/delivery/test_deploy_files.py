"""The files of deploy/ fit together, and ask for nothing that the suite does not have."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from labs import site
from labs.cli import _parser
from labs.warm import CACHE_VARIABLE

DEPLOY = Path(__file__).parents[3] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
NGINX = (DEPLOY / "nginx" / "mlsys-labs.conf").read_text(encoding="utf-8")
UNIT = (DEPLOY / "systemd" / "mlsys-labs@.service").read_text(encoding="utf-8")
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")

#: Environment variables of the suite.
KNOWN = {
    site.COURSE_VARIABLE,
    site.LEDGER_VARIABLE,
    site.LEDGER_FILE_VARIABLE,
    site.SECRET_FILE_VARIABLE,
    site.OUTBOX_VARIABLE,
    CACHE_VARIABLE,
}


def commands() -> list[list[str]]:
    """What is run, as words behind `mlsys-labs`."""
    unit = re.search(r"^ExecStart=\S+ (.*)$", UNIT, re.MULTILINE)
    assert unit
    return [
        shlex.split(unit[1].replace("%i", "5006")),
        COMPOSE["services"]["app1"]["command"],
        COMPOSE["services"]["static"]["command"],
    ]


@pytest.mark.parametrize("command", commands(), ids=["systemd", "app", "static"])
def test_commands_are_understood(command: list[str]) -> None:
    options = _parser().parse_args(command)
    if command[0] == "serve":
        assert options.behind_proxy
        assert len(options.allow_origin) == 1


def test_only_known_variables_are_set() -> None:
    named = set(re.findall(r"MLSYS_LABS_[A-Z_]+", UNIT + DOCKERFILE))
    for service in COMPOSE["services"].values():
        named |= {name for name in service.get("environment", {}) if name.startswith("MLSYS_LABS_")}
    assert named <= KNOWN


def test_what_nginx_reads_is_mounted_where_it_looks() -> None:
    mounted = {volume.split(":")[1] for volume in COMPOSE["services"]["nginx"]["volumes"]}
    for path in re.findall(r"(?:include|root|ssl_certificate|ssl_certificate_key)\s+(/[^;]+);", NGINX):
        assert any(path == at or path.startswith(f"{at}/") for at in mounted), path
    for service in COMPOSE["services"].values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("./") and "certificate" not in source:
                assert (DEPLOY / source).exists(), source


def test_every_upstream_is_a_service_and_every_secret_a_file() -> None:
    upstream = (DEPLOY / "compose" / "upstream.conf").read_text(encoding="utf-8")
    names = re.findall(r"server (\w+):5006", upstream)
    assert names == ["app1", "app2"]
    assert set(names) < set(COMPOSE["services"])
    for service in COMPOSE["services"].values():
        for secret in service.get("secrets", []):
            assert COMPOSE["secrets"][secret]["file"].startswith("./compose/secrets/")
    bare = (DEPLOY / "nginx" / "upstream.conf").read_text(encoding="utf-8")
    settings = [re.sub(r"^\s*server .*\n|^#.*\n", "", text, flags=re.MULTILINE) for text in (upstream, bare)]
    assert settings[0] == settings[1], "the two lists of processes differ in more than the processes"
