"""pyproject.toml and anaconda-project.yml describe one project: packages, least versions, commands."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from labs.cli import _parser

ROOT = Path(__file__).parents[2]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA: dict[str, Any] = yaml.safe_load((ROOT / "anaconda-project.yml").read_text(encoding="utf-8"))


def requirement(text: str) -> tuple[str, str]:
    """Name and version bound of a requirement: `psycopg[binary]>=3.2` and `psycopg >=3.2` are one."""
    match = re.fullmatch(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(.*)", text.strip())
    assert match, f"{text!r} is no requirement"
    return match[1].lower(), match[2].replace(" ", "")


def requirements(texts: list[Any]) -> dict[str, str]:
    """Requirements by name; the pip section of a conda list is part of it."""
    flat = [one for text in texts for one in (text["pip"] if isinstance(text, dict) else [text])]
    found = [requirement(text) for text in flat]
    assert len({name for name, _ in found}) == len(found), "a package is listed twice"
    return dict(found)


def test_packages_and_least_versions_agree() -> None:
    conda = requirements(CONDA["packages"])
    assert conda.pop("python") == PYPROJECT["project"]["requires-python"]
    assert "pip" in conda, "a pip section needs pip"
    conda.pop("pip")
    assert conda == requirements(PYPROJECT["project"]["dependencies"])


def test_packages_of_the_tests_agree() -> None:
    conda = requirements(CONDA["env_specs"]["test"]["packages"])
    assert conda == requirements(PYPROJECT["project"]["optional-dependencies"]["test"])


def test_name_and_description_agree() -> None:
    assert CONDA["name"] == PYPROJECT["project"]["name"]
    assert CONDA["description"] == PYPROJECT["project"]["description"]


def test_channels_and_platforms() -> None:
    assert CONDA["channels"] == ["conda-forge"]
    assert set(CONDA["platforms"]) == {"linux-64", "osx-arm64", "osx-64", "win-64"}


def test_the_first_command_serves_the_suite_and_takes_the_options_of_the_host() -> None:
    assert next(iter(CONDA["commands"])) == "dashboard"
    dashboard = CONDA["commands"]["dashboard"]
    assert dashboard["supports_http_options"] is True
    for system in ("unix", "windows"):
        program, _, arguments = dashboard[system].partition(" labs ")
        assert program == "python -m"
        options = _parser().parse_args(arguments.split())
        assert (options.port, options.allow_origin) == (5006, [])


def test_the_options_of_the_host_are_understood() -> None:
    given = (
        "serve --anaconda-project-host labs.example.org --anaconda-project-host localhost:8086 "
        "--anaconda-project-port 8086 --anaconda-project-address=0.0.0.0 --anaconda-project-no-browser "
        "--anaconda-project-use-xheaders --anaconda-project-iframe-hosts portal.example.org"
    )
    options = _parser().parse_args(given.split())
    assert (options.port, options.address) == (8086, "0.0.0.0")
    assert options.allow_origin == ["labs.example.org", "localhost:8086"]
    with pytest.raises(SystemExit):
        _parser().parse_args(["serve", "--anaconda-project-url-prefix", "/labs"])


def test_the_test_command_runs_tests_that_exist() -> None:
    test = CONDA["commands"]["test"]
    assert test["env_spec"] == "test"
    for system in ("unix", "windows"):
        words = test[system].split()
        assert words[:3] == ["python", "-m", "pytest"]
        for path in (word for word in words[3:] if word.startswith("tests")):
            assert (ROOT / path).is_dir()


def test_every_command_says_what_it_does_in_an_environment_that_exists() -> None:
    for name, command in CONDA["commands"].items():
        assert command["description"].endswith("."), name
        assert command["env_spec"] in CONDA["env_specs"]


def test_what_is_imported_is_required() -> None:
    """Every third-party package that the code imports is a dependency, not a dependency of one."""
    names = {"yaml": "pyyaml", "jwt": "pyjwt", "markdown_it": "markdown-it-py", "mdit_py_plugins": "mdit-py-plugins"}
    # Tornado, Jinja and MarkupSafe are Bokeh's own interface: its server and templates are made of them.
    through_bokeh = {"tornado", "jinja2", "markupsafe"}
    own = {"labs", "components", "ledger", "mlsysim", "tests"}
    required = requirements(PYPROJECT["project"]["dependencies"])
    for folder in ("mlsysim", "ledger", "components", "labs"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                modules = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module]
                    if isinstance(node, ast.ImportFrom) and node.module and node.level == 0
                    else []
                )
                for top in {module.partition(".")[0] for module in modules}:
                    if top in own or top in sys.stdlib_module_names or top in through_bokeh:
                        continue
                    assert names.get(top, top) in required, f"{path.relative_to(ROOT)} imports {top}"


def test_data_files_of_the_packages_are_shipped() -> None:
    """What the code reads beside itself is named as package data."""
    shipped = {
        path
        for package, patterns in PYPROJECT["tool"]["setuptools"]["package-data"].items()
        for pattern in patterns
        for path in (ROOT / package).glob(pattern)
    }
    for package in ("mlsysim", "ledger", "components", "labs"):
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert path in shipped, f"{path.relative_to(ROOT)} would be left out of an installation"
