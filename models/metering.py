"""What painting takes, and on what machine: seconds, processor time, memory and energy."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from models.energy import POWERCAP, WATTS_PER_CORE, find_counter

PACKAGES = ("torch", "diffusers", "transformers", "mitsuba", "openvino")
PAUSE = 0.05


class Meter:
    """Measure a ``with`` block.

    Parameters
    ----------
    device : str
        The device that paints, as a card's runtime names it: whose energy is counted.
    powercap : Path
        Where Linux shows the processor's energy counters.
    watts_per_core : float
        What a busy core is taken to draw where nothing counts it.

    Attributes
    ----------
    seconds : float
        Wall time.
    cpu_seconds : float
        User and system time of all threads of this process and of its children, living and ended.
    peak_bytes : int
        Largest resident set of this process that was seen in the block, looked at every 50 ms and at both
        ends; children are not in it. What was resident before counts: a loaded model is part of what
        painting takes.
    joules : float or None
        Energy of the block, see `models.energy`; None where nothing counts it and it cannot be estimated,
        which is so for every device but the processor.
    energy_method : str
        ``"nvml"``, ``"rapl"`` or ``"estimated"``; empty without joules.
    """

    def __init__(
        self, device: str = "cpu", *, powercap: Path = POWERCAP, watts_per_core: float = WATTS_PER_CORE
    ) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.peak_bytes = 0
        self.joules: float | None = None
        self.energy_method = ""
        self._device = device
        self._watts = watts_per_core
        self._counter = find_counter(device, powercap=powercap)
        self._process = psutil.Process()
        self._over = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._over.clear()
        self.peak_bytes = self._resident()
        self._watcher = threading.Thread(target=self._watch, name="meter", daemon=True)
        self._watcher.start()
        self._energy = self._count()
        self._cpu = _cpu_seconds(self._process)
        self._wall = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = max(0.0, _cpu_seconds(self._process) - self._cpu)
        self._take_energy()
        self._over.set()
        if self._watcher:
            self._watcher.join()
        self.peak_bytes = max(self.peak_bytes, self._resident())

    def _resident(self) -> int:
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            self.peak_bytes = max(self.peak_bytes, self._resident())
            self._count()  # a counter that starts anew twice unseen would lie

    def _count(self) -> float | None:
        """Joules so far; None where nothing counts them, or not any more."""
        try:
            return self._counter.joules() if self._counter else None
        except (OSError, ValueError):
            return None

    def _take_energy(self) -> None:
        now = self._count()
        self.joules, self.energy_method = None, ""
        if self._counter and self._energy is not None and now is not None:
            self.joules, self.energy_method = now - self._energy, self._counter.method
        elif self._device == "cpu":
            self.joules, self.energy_method = self.cpu_seconds * self._watts, "estimated"


def _cpu_seconds(process: psutil.Process) -> float:
    """Processor time so far of a process, its ended children and all that descend from it."""
    total = 0.0
    for one in (process, *_descendants(process)):
        try:
            used = one.cpu_times()
        except psutil.Error:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    """All that descend from a process, by the kernel's own lists: psutil looks at every process there is."""
    found: list[psutil.Process] = []
    try:
        for thread in Path(f"/proc/{process.pid}/task").iterdir():
            for number in (thread / "children").read_text(encoding="ascii").split():
                child = psutil.Process(int(number))
                found += [child, *_descendants(child)]
    except psutil.Error:  # it has ended meanwhile
        return found
    except OSError:  # a kernel without such lists, a thread that has ended, or another system
        return process.children(recursive=True) if process.is_running() else found
    return found


def environment(device: str = "cpu") -> dict[str, Any]:
    """Where a picture was made, as JSON can hold it.

    Parameters
    ----------
    device : str
        The device that painted, as a card's runtime names it; its make is added where torch knows it.

    Returns
    -------
    dict
        ``platform``, ``python``, ``processor``, ``cores`` (logical), ``memory_bytes``, ``device``, and
        ``packages``: the versions of those picture-making packages that this process has imported.
    """
    return {
        **_machine(),
        "device": _device(device),
        "packages": {name: _version(name) for name in PACKAGES if name in sys.modules},
    }


def hardware(device: str = "cpu") -> str:
    """What painted, in words: the make of the device, or of the processor and how many cores it shows."""
    if device == "cpu":
        return f"{_processor()}, {os.cpu_count()} cores"
    return _device(device)


@cache
def _machine() -> dict[str, Any]:
    return {
        "platform": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": int(psutil.virtual_memory().total),
    }


def _processor() -> str:
    """The processor's model, from the kernel where it tells one."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or platform.machine()


def _device(device: str) -> str:
    torch = sys.modules.get("torch")
    if torch is None or not device.startswith("cuda") or not torch.cuda.is_available():
        return device
    return f"{device} ({torch.cuda.get_device_name(device)})"


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
