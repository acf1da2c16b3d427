"""Energy that painting takes: read from the hardware's own counters where there are any, else estimated.

===============  =====================================================================================
``"nvml"``       the energy counter of one NVIDIA device (Volta or newer); the device alone
``"rapl"``       the counters of the processor packages, and of memory where it has its own, through
                 Linux' powercap; the whole machine's, whoever used it
``"estimated"``  processor time times `WATTS_PER_CORE`: a load times a constant and no measurement
===============  =====================================================================================

References
----------
.. [powercap] The Linux kernel documentation, "Power Capping Framework".
.. [RAPL] Intel 64 and IA-32 Architectures Software Developer's Manual, volume 3B, "RAPL Interfaces".
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

log = logging.getLogger(__name__)

POWERCAP = Path("/sys/class/powercap")
ZONE = re.compile(r"intel-rapl:\d+(:\d+)?")
WATTS_PER_CORE = 4.0
"""Watts of a busy hardware thread where nothing measures them.

codecarbon takes the same 4 W a thread for a processor that it does not know; the SPECpower averages of Cloud
Carbon Footprint are 3.5 W (AWS), 3.8 W (Azure) and 4.3 W (Google) a hardware thread at full load. Memory,
disks, fans and the power supply are not in it.
"""


class Counter(Protocol):
    """A counter of energy."""

    @property
    def method(self) -> str:
        """How it counts: ``"nvml"`` or ``"rapl"``."""
        ...

    def joules(self) -> float:
        """What has flowed since some fixed moment; raises OSError where it cannot be read any more."""
        ...


def find_counter(device: str = "cpu", *, powercap: Path = POWERCAP) -> Counter | None:
    """The counter that knows what a device takes, or nothing where there is none.

    Parameters
    ----------
    device : str
        As a card's runtime names it. A ``cuda`` device is counted by NVML, the processor by RAPL.
    powercap : Path
        Where Linux shows its power zones.
    """
    if device.startswith("cuda"):
        return _find_nvml(device)
    if device == "cpu":
        return _find_rapl(powercap)
    return None


class Rapl:
    """Running average power limit: one counter a zone, in microjoules, which starts anew when it is full.

    A package of 100 W fills its counter in about 45 minutes: whoever wants the energy of something longer
    must look in between (`Meter` does).

    Parameters
    ----------
    zones : list of Path
        Folders with ``energy_uj`` and ``max_energy_range_uj``.

    Raises
    ------
    OSError
        If one cannot be read; since 2020 kernels show them to root alone.
    """

    method = "rapl"

    def __init__(self, zones: list[Path]) -> None:
        self._zones = zones
        self._ranges = [_number(zone / "max_energy_range_uj") for zone in zones]
        self._last = [_number(zone / "energy_uj") for zone in zones]
        self._sum = 0
        self._lock = threading.Lock()

    def joules(self) -> float:
        with self._lock:
            for place, zone in enumerate(self._zones):
                now = _number(zone / "energy_uj")
                gone = now - self._last[place]
                self._sum += gone if gone >= 0 else gone + self._ranges[place]
                self._last[place] = now
            return self._sum / 1e6


class Nvml:
    """The energy counter of one NVIDIA device, in millijoules since its driver was loaded.

    Parameters
    ----------
    api : module
        ``pynvml``, initialised.
    handle : object
        The device, as `api` knows it.
    """

    method = "nvml"

    def __init__(self, api: Any, handle: Any) -> None:
        self._api = api
        self._handle = handle

    def joules(self) -> float:
        try:
            return float(self._api.nvmlDeviceGetTotalEnergyConsumption(self._handle)) / 1e3
        except self._api.NVMLError as error:
            raise OSError(f"NVML: {error}") from error


@cache
def _find_rapl(powercap: Path) -> Counter | None:
    try:
        counter = Rapl(_zones(powercap))
    except (OSError, ValueError) as error:
        log.info("no energy counter of the processor: %s", error)
        return None
    return counter


def _zones(powercap: Path) -> list[Path]:
    """Packages, and the memory beside them; other zones, such as cores, are parts of a package.

    Of a machine that shows its whole platform (``psys``) only the packages are taken: it would count them
    twice.
    """
    named = {}
    for folder in sorted(powercap.iterdir()):
        if ZONE.fullmatch(folder.name):
            named[folder] = (folder / "name").read_text(encoding="ascii").strip()
    zones = [folder for folder, name in named.items() if name.startswith("package") or name == "dram"]
    if not any(named[zone].startswith("package") for zone in zones):
        raise FileNotFoundError(f"{powercap} shows no processor package")
    return zones


def _number(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))


@cache
def _find_nvml(device: str) -> Counter | None:
    try:
        pynvml = import_module("pynvml")
    except ImportError:
        log.info("no energy of %s: pip install 'vernissage-arena[nvml]'", device)
        return None
    try:
        pynvml.nvmlInit()
        counter = Nvml(pynvml, _handle(pynvml, device))
        counter.joules()
    except (OSError, pynvml.NVMLError) as error:
        log.info("no energy of %s: %s", device, error)
        return None
    return counter


def _handle(api: Any, device: str) -> Any:
    """The device that torch calls so; NVML numbers them otherwise and ignores CUDA_VISIBLE_DEVICES."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return api.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
    return api.nvmlDeviceGetHandleByIndex(int(device.partition(":")[2] or 0))
