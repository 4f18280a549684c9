"""The devices of the course, and an institution's own from a YAML file.

A device file has one list, ``devices``; quantities are texts with a unit::

    devices:
      - name: Campus H200            # required, unique
        regime: cloud                # required: cloud, edge, mobile or tiny
        mem_bandwidth: 4.8 TB/s      # required
        mem_capacity: 141 GB         # required
        tdp: 700 W                   # required
        peak_fp16: 989 TFLOP/s       # optional, dense; also peak_int8 and peak_fp32 (TFLOP/s or TOP/s)
        sleep_power: 60 W            # optional
        sources: [NVIDIA H200 data sheet]    # required, at least one

Prefixes are decimal (GB = 1e9 B); binary ones are written GiB.  Anything else in an entry is an error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, get_args

import pint
import yaml

from mlsysim.core import constants as c
from mlsysim.core.provenance import Constant
from mlsysim.core.units import ureg

Regime = Literal["cloud", "edge", "mobile", "tiny"]


@dataclass(frozen=True, slots=True)
class Device:
    """One device, in SI units.  Rates are dense; a rate that is not known is None.

    Attributes:
        name: what students read.
        regime: "cloud", "edge", "mobile" or "tiny".
        mem_bandwidth: bandwidth of the main memory (B/s).
        mem_capacity: capacity of the main memory (B).
        tdp_w: power while working (W).
        peak_fp16: dense FP16 or BF16 rate (FLOP/s).
        peak_int8: dense INT8 rate (op/s).
        peak_fp32: FP32 rate (FLOP/s).
        sleep_power_w: power while asleep (W).
        sources: where the numbers come from.
    """

    name: str
    regime: Regime
    mem_bandwidth: float
    mem_capacity: float
    tdp_w: float
    peak_fp16: float | None
    peak_int8: float | None
    peak_fp32: float | None
    sleep_power_w: float | None
    sources: tuple[str, ...]

    @property
    def ridge_point_fp16(self) -> float | None:
        """Dense FP16 rate over bandwidth (FLOP/B), or None if the rate is not known."""
        return None if self.peak_fp16 is None else self.peak_fp16 / self.mem_bandwidth


def _device(
    name: str,
    regime: Regime,
    *,
    mem_bandwidth: Constant,
    mem_capacity: Constant,
    tdp: Constant,
    fp16: Constant | None = None,
    int8: Constant | None = None,
    fp32: Constant | None = None,
    sleep: Constant | None = None,
) -> Device:
    used = [k for k in (mem_bandwidth, mem_capacity, tdp, fp16, int8, fp32, sleep) if k is not None]
    return Device(
        name=name,
        regime=regime,
        mem_bandwidth=mem_bandwidth.value,
        mem_capacity=mem_capacity.value,
        tdp_w=tdp.value,
        peak_fp16=fp16.value if fp16 else None,
        peak_int8=int8.value if int8 else None,
        peak_fp32=fp32.value if fp32 else None,
        sleep_power_w=sleep.value if sleep else None,
        sources=tuple(dict.fromkeys(k.source for k in used)),
    )


class Cloud:
    """Data-centre accelerators."""

    H100 = _device(
        "H100 SXM5",
        "cloud",
        mem_bandwidth=c.H100_MEM_BW,
        mem_capacity=c.H100_MEM_CAPACITY,
        tdp=c.H100_TDP,
        fp16=c.H100_FLOPS_FP16_TENSOR,
        int8=c.H100_FLOPS_INT8_TENSOR,
        fp32=c.H100_FLOPS_FP32,
    )
    A100 = _device(
        "A100 80GB SXM",
        "cloud",
        mem_bandwidth=c.A100_MEM_BW,
        mem_capacity=c.A100_MEM_CAPACITY,
        tdp=c.A100_TDP,
        fp16=c.A100_FLOPS_FP16_TENSOR,
        int8=c.A100_FLOPS_INT8_TENSOR,
        fp32=c.A100_FLOPS_FP32,
    )


class Edge:
    """Embedded modules."""

    JetsonOrinNX = _device(
        "Jetson Orin NX 16GB",
        "edge",
        mem_bandwidth=c.ORIN_NX_MEM_BW,
        mem_capacity=c.ORIN_NX_MEM_CAPACITY,
        tdp=c.ORIN_NX_TDP,
        fp16=c.ORIN_NX_FP16_DENSE,
        int8=c.ORIN_NX_INT8_DENSE,
    )
    JetsonOrinNano = _device(
        "Jetson Orin Nano 8GB",
        "edge",
        mem_bandwidth=c.ORIN_NANO_MEM_BW,
        mem_capacity=c.ORIN_NANO_MEM_CAPACITY,
        tdp=c.ORIN_NANO_TDP,
        fp16=c.ORIN_NANO_FP16_DENSE,
        int8=c.ORIN_NANO_INT8_DENSE,
    )


class Mobile:
    """Phones."""

    PhoneNPU = _device(
        "Smartphone NPU",
        "mobile",
        mem_bandwidth=c.MOBILE_NPU_MEM_BW,
        mem_capacity=c.MOBILE_MEM_CAPACITY,
        tdp=c.MOBILE_POWER,
        fp16=c.MOBILE_FP16,
        int8=c.MOBILE_INT8,
        fp32=c.MOBILE_FP32,
        sleep=c.MOBILE_SLEEP_POWER,
    )


class Tiny:
    """Microcontrollers.  Their rates are sustained ones: no rated peak says what their kernels reach."""

    CortexM7 = _device(
        "Cortex-M7 MCU",
        "tiny",
        mem_bandwidth=c.MCU_MEM_BW,
        mem_capacity=c.MCU_SRAM,
        tdp=c.MCU_POWER,
        int8=c.MCU_OPS_CMSIS,
        fp32=c.MCU_FLOPS_REFERENCE,
        sleep=c.MCU_SLEEP_POWER,
    )


class Hardware:
    """The registry: ``Hardware.Cloud.H100``, ``Hardware.all()``."""

    Cloud = Cloud
    Edge = Edge
    Mobile = Mobile
    Tiny = Tiny

    @staticmethod
    def all() -> Mapping[str, Device]:
        """Every device by name: the built-in ones and those registered from files."""
        return MappingProxyType(_devices)


_devices: dict[str, Device] = {
    device.name: device
    for regime in (Cloud, Edge, Mobile, Tiny)
    for device in vars(regime).values()
    if isinstance(device, Device)
}


class DeviceFileError(ValueError):
    """A device file that cannot be used; the message says where, what is wrong and what would be right."""


# Field of the file: field of Device, unit, example of a right value.
_QUANTITIES = {
    "mem_bandwidth": ("mem_bandwidth", "B/s", "3.35 TB/s"),
    "mem_capacity": ("mem_capacity", "B", "80 GB"),
    "tdp": ("tdp_w", "W", "700 W"),
    "peak_fp16": ("peak_fp16", "op/s", "989 TFLOP/s"),
    "peak_int8": ("peak_int8", "op/s", "1979 TOP/s"),
    "peak_fp32": ("peak_fp32", "op/s", "67 TFLOP/s"),
    "sleep_power": ("sleep_power_w", "W", "0.5 W"),
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([A-Za-zµ]+(?:\s*/\s*[A-Za-z]+)?)")
_OPTIONAL = ("peak_fp16", "peak_int8", "peak_fp32", "sleep_power")
_FIELDS = ("name", "regime", *_QUANTITIES, "sources")


def load_devices(path: str | Path) -> dict[str, Device]:
    """Read an institution's devices from a YAML file, without registering them.

    Args:
        path: a file as described at the top of this module.

    Returns:
        Devices by name, in the order of the file.

    Raises:
        DeviceFileError: (a ValueError) if anything in the file is wrong.
        OSError: if the file cannot be read.
    """
    path = Path(path)
    devices: dict[str, Device] = {}
    for entry in _entries(path):
        device = entry.device()
        if device.name in devices:
            raise entry.error("name", f"{device.name!r} appears twice", "a name of its own for every device")
        devices[device.name] = device
    return devices


def register_devices(path: str | Path) -> dict[str, Device]:
    """Load a device file and add its devices to ``Hardware.all()``.

    Raises:
        DeviceFileError: as in ``load_devices``, or if another device already has one of the names.
    """
    loaded = load_devices(path)
    for name, device in loaded.items():
        if _devices.get(name, device) != device:
            raise DeviceFileError(
                f"{path}: device {name!r}: field 'name': a different device of this name is already "
                f"registered; expected a name other than {', '.join(map(repr, _devices))}"
            )
    _devices.update(loaded)
    return loaded


class _Entry:
    """One item of the list, with the lines on which its fields stand."""

    def __init__(self, path: Path, position: int, line: int, values: dict[Any, Any], lines: dict[Any, int]):
        self.path, self.position, self.line = path, position, line
        self.values, self.lines = values, lines

    def error(self, field: str, wrong: str, right: str) -> DeviceFileError:
        name = self.values.get("name")
        label = f"device {name!r}" if isinstance(name, str) else f"device number {self.position}"
        line = self.lines.get(field, self.line)
        return DeviceFileError(f"{self.path}, line {line}: {label}: field {field!r}: {wrong}; expected {right}")

    def device(self) -> Device:
        for field in self.values:
            if field not in _FIELDS:
                raise self.error(str(field), "unknown field", "one of " + ", ".join(_FIELDS))
        for field in _FIELDS:
            if field not in _OPTIONAL and field not in self.values:
                raise self.error(field, "missing", self._example(field))
        name, regime, sources = self.values["name"], self.values["regime"], self.values["sources"]
        if not isinstance(name, str) or not name.strip():
            raise self.error("name", f"got {name!r}", self._example("name"))
        if regime not in get_args(Regime):
            raise self.error("regime", f"got {regime!r}", self._example("regime"))
        sources = [sources] if isinstance(sources, str) else sources
        if not isinstance(sources, list) or not sources or not all(isinstance(s, str) and s.strip() for s in sources):
            raise self.error("sources", f"got {sources!r}", self._example("sources"))
        numbers: dict[str, float | None] = {
            attribute: self._number(field, unit) if field in self.values else None
            for field, (attribute, unit, _) in _QUANTITIES.items()
        }
        return Device(name=name.strip(), regime=regime, sources=tuple(sources), **numbers)  # type: ignore[arg-type]

    def _example(self, field: str) -> str:
        if field in _QUANTITIES:
            return f"a positive quantity with its unit, such as '{_QUANTITIES[field][2]}'"
        return {
            "name": "a text, such as 'Campus H200'",
            "regime": "one of " + ", ".join(get_args(Regime)),
            "sources": "a list of at least one text, such as ['NVIDIA H200 data sheet']",
        }[field]

    def _number(self, field: str, unit: str) -> float:
        text, right = self.values[field], self._example(field)
        if not isinstance(text, str):
            raise self.error(field, f"got {text!r} without a unit", right)
        # Pint would also evaluate arithmetic, which has no place in a data file.
        parts = _QUANTITY.fullmatch(text.strip())
        if parts is None:
            raise self.error(field, f"{text!r} is not a quantity", right)
        try:
            value = float(ureg.Quantity(float(parts[1]), parts[2]).to(unit).magnitude)
        except pint.errors.UndefinedUnitError as error:
            raise self.error(field, f"{text!r} has an unknown unit", right) from error
        except pint.errors.DimensionalityError as error:
            raise self.error(field, f"{text!r} is not in {unit} or a multiple of it", right) from error
        if not (math.isfinite(value) and value > 0):
            raise self.error(field, f"{text!r} is not positive", right)
        return value


def _entries(path: Path) -> Iterator[_Entry]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DeviceFileError(f"{path}: not a text file in UTF-8; expected a list 'devices'") from error
    try:
        # Two passes over the same text: the node tree has the line numbers, safe_load the values.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise DeviceFileError(f"{path}{where}: not valid YAML: {problem}; expected a list 'devices'") from error
    if not isinstance(content, dict) or list(content) != ["devices"]:
        raise DeviceFileError(f"{path}: the file must hold exactly one key, 'devices', with a list of devices")
    assert isinstance(root, yaml.MappingNode)
    items, node = content["devices"], root.value[0][1]
    if not isinstance(items, list) or not items or not isinstance(node, yaml.SequenceNode):
        raise DeviceFileError(
            f"{path}, line {node.start_mark.line + 1}: 'devices' must be a list of at least one device"
        )
    for position, (item, item_node) in enumerate(zip(items, node.value, strict=True), start=1):
        line = item_node.start_mark.line + 1
        if not isinstance(item, dict) or not isinstance(item_node, yaml.MappingNode):
            raise DeviceFileError(
                f"{path}, line {line}: device number {position}: got {item!r}; expected fields such as 'name: ...'"
            )
        lines: dict[Any, int] = {}
        for key, _ in item_node.value:
            if key.value in lines:
                raise DeviceFileError(
                    f"{path}, line {key.start_mark.line + 1}: device number {position}: field {key.value!r}: "
                    "written twice; expected once"
                )
            lines[key.value] = key.start_mark.line + 1
        yield _Entry(path, position, line, item, lines)
