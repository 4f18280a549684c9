"""The script that browsers load: current, complete, and free of anything from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from components.bundle import BUNDLE, CLASSROOM_MODULES, FRONTEND, MODULES, build, build_snapshot

JOINED = (*MODULES, *CLASSROOM_MODULES)
SOURCES = {
    path.relative_to(FRONTEND).as_posix(): path.read_text(encoding="utf-8")
    for path in (*FRONTEND.glob("*.js"), *FRONTEND.glob("classroom/*.js"))
    if path != BUNDLE
}


def test_the_bundle_is_current() -> None:
    assert BUNDLE.read_text(encoding="utf-8") == build(), "run python -m components.bundle"


def test_every_module_is_in_the_bundle() -> None:
    assert set(JOINED) == set(SOURCES)


def test_modules_import_from_one_another_alone_and_only_from_earlier_ones() -> None:
    place = {name: k for k, name in enumerate(JOINED)}
    for name, text in SOURCES.items():
        for source in re.findall(r'from "([^"]+)"', text):
            assert source.startswith(("./", "../")), f"{name} imports {source} from elsewhere"
            meant = (FRONTEND / name).parent.joinpath(source).resolve().relative_to(FRONTEND).as_posix()
            assert place[meant] < place[name], f"{name} is joined before {source}"
        assert "import(" not in text


def test_nothing_is_left_of_imports_and_exports() -> None:
    text = build()
    assert not re.search(r"^import ", text, re.MULTILINE)
    assert re.findall(r"^export .*", text, re.MULTILINE) == [text.strip().splitlines()[-1]]


@pytest.mark.parametrize("joined", [build, build_snapshot])
def test_no_top_level_name_is_declared_twice(joined: Callable[[], str]) -> None:
    names = re.findall(r"^(?:export )?(?:const|let|function|async function|class) (\w+)", joined(), re.MULTILINE)
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)


def test_the_front_end_asks_nobody_else_for_anything() -> None:
    for name, text in {**SOURCES, **{path.name: path.read_text() for path in FRONTEND.glob("css/*.css")}}.items():
        bare = re.sub(r"/\*.*?\*/|^\s*//.*$", "", text, flags=re.DOTALL | re.MULTILINE)
        outside = [url for url in re.findall(r"https?://[^\s\"'`)]+", bare) if "www.w3.org" not in url]
        assert not outside, f"{name} names {outside}"
        assert "@import" not in bare
        assert not re.search(r"\burl\((?!['\"]?(?:data:|#))", bare), f"{name} fetches a file"


def test_markup_is_set_only_from_rendered_text() -> None:
    """`trusted` is the one way to set markup, and it takes only what Python rendered from the authors' Markdown."""
    for name, text in SOURCES.items():
        for value in re.findall(r"innerHTML\s*\+?=\s*([^\n;]+)", text):
            assert value == ("value" if name == "dom.js" else "model.html"), f"{name} sets markup from {value}"
        assert not re.search(r"outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text), name
        for value in re.findall(r"trusted: ([\w.?]+)", text):
            assert re.fullmatch(
                r"(?:model|item|option|variable)\.(?:html|mathml|symbol|question|feedback|text)|question", value
            ), f"{name} trusts {value}"
