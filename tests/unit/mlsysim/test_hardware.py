"""Built-in devices, and an institution's own from YAML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlsysim.core import hardware
from mlsysim.core.hardware import DeviceFileError, Hardware, load_devices, register_devices

GOOD = """\
devices:
  - name: Campus H200
    regime: cloud
    mem_bandwidth: 4.8 TB/s
    mem_capacity: 141 GB
    tdp: 700 W
    peak_fp16: 989 TFLOP/s
    peak_int8: 1979 TOPS
    sources: [NVIDIA H200 data sheet]
  - name: Lab board
    regime: tiny
    mem_bandwidth: 50 MB/s
    mem_capacity: 512 KiB
    tdp: 150 mW
    sleep_power: 20 uW
    sources: measured by the lab
"""


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "devices.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def _registry_restored() -> Iterator[None]:
    before = dict(hardware._devices)
    yield
    hardware._devices.clear()
    hardware._devices.update(before)


def test_built_in_devices() -> None:
    assert Hardware.Cloud.H100.mem_capacity == 80e9
    assert Hardware.Edge.JetsonOrinNX.tdp_w == 25
    assert Hardware.Mobile.PhoneNPU.peak_int8 == 35e12
    assert Hardware.Tiny.CortexM7.mem_capacity == 262_144
    assert Hardware.Tiny.CortexM7.sleep_power_w == 1e-5
    assert len(Hardware.all()) == 6
    for name, device in Hardware.all().items():
        assert device.name == name
        assert device.sources
        assert device.mem_bandwidth > 0


def test_a_good_file(written: Callable[[str], Path]) -> None:
    devices = load_devices(written(GOOD))
    assert list(devices) == ["Campus H200", "Lab board"]
    card, board = devices.values()
    assert (card.mem_bandwidth, card.mem_capacity, card.tdp_w) == pytest.approx((4.8e12, 141e9, 700))
    assert card.peak_int8 == pytest.approx(1979e12)
    assert card.peak_fp32 is None
    assert card.ridge_point_fp16 == pytest.approx(206.04, abs=0.01)
    assert board.mem_capacity == 512 * 1024
    assert board.sleep_power_w == pytest.approx(2e-5)
    assert board.sources == ("measured by the lab",)
    assert "Campus H200" not in Hardware.all()


@pytest.mark.usefixtures("_registry_restored")
def test_registering(written: Callable[[str], Path]) -> None:
    path = written(GOOD)
    register_devices(path)
    register_devices(path)  # the same again is harmless
    assert Hardware.all()["Campus H200"].mem_capacity == pytest.approx(141e9)
    with pytest.raises(DeviceFileError, match="already registered"):
        register_devices(written(GOOD.replace("141 GB", "140 GB")))
    with pytest.raises(DeviceFileError, match="already registered"):
        register_devices(written(GOOD.replace("Campus H200", "H100 SXM5")))
    assert Hardware.all()["H100 SXM5"] is Hardware.Cloud.H100


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "message"),
    [
        ("4.8 TB/s", "4.8 THz", 4, "mem_bandwidth", "is not in B/s"),
        ("4.8 TB/s", "4.8", 4, "mem_bandwidth", "without a unit"),
        ("4.8 TB/s", "fast", 4, "mem_bandwidth", "not a quantity"),
        ("4.8 TB/s", "2**99999 B/s", 4, "mem_bandwidth", "not a quantity"),
        ("4.8 TB/s", "nan TB/s", 4, "mem_bandwidth", "not a quantity"),
        ("4.8 TB/s", "1e400 TB/s", 4, "mem_bandwidth", "not positive"),
        ("4.8 TB/s", "[1, 2]", 4, "mem_bandwidth", "without a unit"),
        ("141 GB", "141 GBx", 5, "mem_capacity", "unknown unit"),
        ("141 GB", "0 GB", 5, "mem_capacity", "not positive"),
        ("tdp: 700 W", "tdp: -700 W", 6, "tdp", "not positive"),
        ("tdp: 700 W", "tdp: 700 J", 6, "tdp", "is not in W"),
        ("tdp: 700 W", "tpd: 700 W", 6, "tpd", "unknown field"),
        ("989 TFLOP/s", "989 TB/s", 7, "peak_fp16", "is not in op/s"),
        ("regime: cloud", "regime: fog", 3, "regime", "got 'fog'"),
        ("regime: cloud", "regime: [cloud]", 3, "regime", "got"),
        ("[NVIDIA H200 data sheet]", "[]", 9, "sources", "got"),
        ("    regime: cloud\n", "", 2, "regime", "missing"),
        ("name: Campus H200", "name: 12", 2, "name", "got 12"),
        ("name: Lab board", "name: Campus H200", 10, "name", "twice"),
    ],
)
def test_errors_say_where_what_and_what_instead(
    written: Callable[[str], Path], old: str, new: str, line: int, field: str, message: str
) -> None:
    path = written(GOOD.replace(old, new, 1))
    with pytest.raises(ValueError, match="expected") as error:
        load_devices(path)
    text = str(error.value)
    assert text.startswith(f"{path}, line {line}: device ")
    assert f"field {field!r}" in text
    assert message in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "exactly one key"),
        ("device: []", "exactly one key"),
        ("devices: []", "at least one device"),
        ("devices: H100", "at least one device"),
        ("devices:\n  - H100\n", "device number 1"),
        ("devices:\n  - name: [cloud", "not valid YAML"),
        ("devices: !!python/object/apply:os.getcwd []", "not valid YAML"),
        (GOOD.replace("    tdp: 700 W", "    tdp: 700 W\n    tdp: 600 W"), "written twice"),
    ],
)
def test_files_of_the_wrong_form(written: Callable[[str], Path], text: str, message: str) -> None:
    path = written(text)
    with pytest.raises(DeviceFileError, match=message) as error:
        load_devices(path)
    assert str(path) in str(error.value)


def test_not_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "devices.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(DeviceFileError, match="UTF-8"):
        load_devices(path)
    with pytest.raises(FileNotFoundError):
        load_devices(tmp_path / "missing.yaml")
