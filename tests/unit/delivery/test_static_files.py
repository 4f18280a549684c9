"""The files that a web server in front of the suite gives out itself."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from components.bundle import BUNDLE
from labs.cli import main
from labs.static_files import UNVERSIONED, StaticFile, write_static


def test_files_are_complete_and_compressed(tmp_path: Path) -> None:
    written = {file.path.as_posix(): tmp_path / file.path for file in write_static(tmp_path)}
    names = {path.name for path in written.values()}
    assert {"bokeh.min.js", "panel.min.js", BUNDLE.name, "favicon.ico", "ch02.png"} <= names
    bundle = next(path for path in written.values() if path.name == BUNDLE.name)
    assert bundle.read_bytes() == BUNDLE.read_bytes()
    for path in written.values():
        beside = path.with_name(f"{path.name}.gz")
        assert beside.exists() == (path.suffix != ".png")
        if beside.exists():
            assert gzip.decompress(beside.read_bytes()) == path.read_bytes()
    assert not [path for path in tmp_path.rglob(".*")], "half-written files were left"

    # Again, over what another version has left.
    other = tmp_path / "0123456789ab" / "components" / "old.js"
    other.parent.mkdir(parents=True)
    other.write_text("old")
    write_static(tmp_path)
    assert other.read_text() == "old"


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/static/js/bokeh.min.js?v=0123456789abcdef", "0123456789abcdef/static/js/bokeh.min.js"),
        ("/static/a%5Eb.js", f"{UNVERSIONED}/static/a^b.js"),
        ("/static/a.js?v=../../etc", f"{UNVERSIONED}/static/a.js"),
    ],
)
def test_a_version_names_a_folder_only_if_it_is_one(address: str, path: str) -> None:
    assert StaticFile(address, b"").path.as_posix() == path


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert main(["static", "--out", str(file)]) == 2
    assert f"{file} cannot be written" in capsys.readouterr().err
