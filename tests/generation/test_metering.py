from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.metadata import version

import pytest

from models import energy
from models.energy import WATTS_PER_CORE, Nvml, find_counter
from models.metering import Meter, environment, hardware


def test_a_meter_counts_work_and_not_sleep():
    with Meter() as meter:
        time.sleep(0.2)
    assert meter.seconds >= 0.2
    assert meter.cpu_seconds < 0.1
    with Meter() as meter:
        until = time.process_time() + 0.3
        while time.process_time() < until:
            pass
    # cpu times come in ticks of 10 ms
    assert meter.cpu_seconds >= 0.28
    assert meter.seconds >= 0.28


@pytest.mark.parametrize("waited", [True, False])
def test_a_meter_counts_children_living_and_ended(waited):
    burn = "import time\nwhile time.process_time() < .4: pass\nprint('done', flush=True)\ninput()"
    with Meter() as meter:
        child = subprocess.Popen(
            [sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout
        child.stdout.readline()
        if waited:
            child.communicate("\n")
    if not waited:
        child.communicate("\n")
    assert 0.35 <= meter.cpu_seconds < 5


def test_a_meter_sees_the_peak_though_it_is_gone_at_the_end():
    with Meter() as idle:
        pass
    with Meter() as meter:
        block = bytearray(b"x") * (200 * 1024**2)
        time.sleep(0.2)
        del block
    assert meter.peak_bytes - idle.peak_bytes > 150 * 1024**2


def test_a_meter_stops_when_its_block_breaks():
    meter = Meter()
    with pytest.raises(RuntimeError), meter:
        raise RuntimeError
    assert meter.seconds > 0
    assert meter._watcher
    assert not meter._watcher.is_alive()


def test_the_environment_is_json_and_names_the_versions_in_use():
    import torch

    told = environment("cpu")
    assert json.loads(json.dumps(told)) == told
    assert told["device"] == "cpu"
    assert told["cores"] >= 1
    assert told["processor"]
    assert told["packages"]["torch"] == version("torch") == torch.__version__


def zone(folder, number: str, name: str, joules: float, full: float = 1000.0):
    """A power zone as Linux shows it."""
    made = folder / f"intel-rapl:{number}"
    made.mkdir(parents=True)
    (made / "name").write_text(f"{name}\n")
    (made / "max_energy_range_uj").write_text(f"{round(full * 1e6)}\n")
    fill(made, joules)
    return made


def fill(made, joules: float) -> None:
    (made / "energy_uj").write_text(f"{round(joules * 1e6)}\n")


def test_the_processors_counters_are_added_up(tmp_path):
    package = zone(tmp_path, "0", "package-0", 10)
    other = zone(tmp_path, "1", "package-1", 20)
    memory = zone(tmp_path, "0:1", "dram", 30)
    parts = [zone(tmp_path, "0:0", "core", 5), zone(tmp_path, "2", "psys", 5)]
    with Meter(powercap=tmp_path) as meter:
        fill(package, 11)
        fill(other, 22)
        fill(memory, 30.5)
        for part in parts:
            fill(part, 500)
    assert (meter.joules, meter.energy_method) == (pytest.approx(3.5), "rapl")


def test_a_counter_that_starts_anew_is_followed(tmp_path):
    package = zone(tmp_path, "0", "package-0", 990, full=1000)
    with Meter(powercap=tmp_path) as meter:
        fill(package, 15)
    assert meter.joules == pytest.approx(25)
    counter = find_counter(powercap=tmp_path)
    assert counter
    before = counter.joules()
    for joules in (700, 300, 800):
        fill(package, joules)
        now = counter.joules()
    assert now - before == pytest.approx(685 + 600 + 500)


def test_a_meter_looks_while_its_block_runs(tmp_path):
    """A counter that starts anew twice within the block is not misread."""
    package = zone(tmp_path, "0", "package-0", 100, full=1000)
    with Meter(powercap=tmp_path) as meter:
        for joules in (900, 600, 300):
            fill(package, joules)
            time.sleep(0.3)
    assert meter.joules == pytest.approx(800 + 700 + 700)


@pytest.mark.parametrize("broken", ["no folder", "no package", "not readable", "no number"])
def test_without_counters_the_energy_is_estimated_and_says_so(tmp_path, broken):
    folder = tmp_path / "powercap"
    if broken != "no folder":
        made = zone(folder, "0", "psys" if broken == "no package" else "package-0", 10)
        if broken == "not readable":  # a folder in its place: permissions mean nothing to root
            (made / "energy_uj").unlink()
            (made / "energy_uj").mkdir()
        if broken == "no number":
            (made / "energy_uj").write_text("unknown\n")
    with Meter(powercap=folder, watts_per_core=10) as meter:
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass
    assert meter.energy_method == "estimated"
    assert meter.joules == pytest.approx(10 * meter.cpu_seconds)
    assert meter.joules > 0
    assert WATTS_PER_CORE == 4.0, "the documented constant"


def test_a_counter_that_is_lost_meanwhile_is_not_trusted(tmp_path):
    package = zone(tmp_path, "0", "package-0", 10)
    with Meter(powercap=tmp_path) as meter:
        (package / "energy_uj").unlink()
    assert meter.energy_method == "estimated"


def test_no_energy_is_invented_for_a_device_that_nothing_counts(tmp_path):
    zone(tmp_path, "0", "package-0", 10)
    for device in ("mps", "cuda:7"):
        with Meter(device, powercap=tmp_path) as meter:
            pass
        assert (meter.joules, meter.energy_method) == (None, "")


class FakeNvml:
    """As much of ``pynvml`` as a counter needs; the one fake here, for there is no such device."""

    class NVMLError(Exception):
        pass

    millijoules = 5_000_000

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802 - NVIDIA's spelling
        if handle == "gone":
            raise self.NVMLError("GPU is lost")
        return self.millijoules


def test_a_devices_counter_is_in_millijoules_and_may_be_lost(monkeypatch):
    api = FakeNvml()
    counter = Nvml(api, "here")
    monkeypatch.setattr(energy, "_find_nvml", lambda device: counter)
    with Meter("cuda:0") as meter:
        api.millijoules += 2500
    assert (meter.joules, meter.energy_method) == (pytest.approx(2.5), "nvml")
    with pytest.raises(OSError, match="GPU is lost"):
        Nvml(api, "gone").joules()


def test_the_hardware_is_named():
    assert environment()["processor"] in hardware()
    assert hardware().endswith("cores")
