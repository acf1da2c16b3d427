from __future__ import annotations

import json
import subprocess
import sys
import time
from importlib.metadata import version

import pytest

from models.metering import Meter, environment


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
