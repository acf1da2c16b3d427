"""What painting takes, and on what machine: seconds, processor time and memory, measured and not guessed."""

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

PACKAGES = ("torch", "diffusers", "transformers", "mitsuba", "openvino")
PAUSE = 0.05


class Meter:
    """Measure a ``with`` block.

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
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        self.peak_bytes = 0
        self._process = psutil.Process()
        self._over = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._over.clear()
        self.peak_bytes = self._resident()
        self._watcher = threading.Thread(target=self._watch, name="meter", daemon=True)
        self._watcher.start()
        self._cpu = _cpu_seconds(self._process)
        self._wall = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = max(0.0, _cpu_seconds(self._process) - self._cpu)
        self._over.set()
        if self._watcher:
            self._watcher.join()
        self.peak_bytes = max(self.peak_bytes, self._resident())

    def _resident(self) -> int:
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._over.wait(PAUSE):
            self.peak_bytes = max(self.peak_bytes, self._resident())


def _cpu_seconds(process: psutil.Process) -> float:
    """Processor time so far of a process, its ended children and all that descend from it."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        try:
            used = one.cpu_times()
        except psutil.Error:
            continue
        total += used.user + used.system + used.children_user + used.children_system
    return total


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
