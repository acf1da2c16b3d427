from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "diffusers", "transformers", "mitsuba", "numpy", "PIL")


@pytest.mark.parametrize("module", ["models", "models.catalog", "models.loading", "models.metering"])
def test_importing_what_the_web_process_needs_brings_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_reading_the_catalogue_and_describing_the_machine_brings_nothing_heavy():
    code = (
        "import sys\nfrom models.catalog import BUILT_IN, read_catalog\n"
        "from models.metering import environment\n"
        f"read_catalog(BUILT_IN); environment(); print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
