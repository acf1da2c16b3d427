"""What the package offers, and what importing it costs."""

from __future__ import annotations

import doctest
import subprocess
import sys
from types import ModuleType

import analysis


def test_all_names_exist_once_and_are_explained():
    assert len(set(analysis.__all__)) == len(analysis.__all__)
    for name in analysis.__all__:
        value = getattr(analysis, name)
        assert not callable(value) or value.__doc__
        assert not isinstance(value, ModuleType), "a module of that name hides it"


def test_the_example_of_the_package_works():
    assert doctest.testmod(analysis).failed == 0


def test_importing_the_package_loads_nothing_heavy():
    heavy = ["scipy", "pandas", "matplotlib", "choix", "polars", "torch", "flask", "sqlalchemy"]
    code = f"import sys, analysis; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_error_stands_in_the_tree():
    from analysis import errors

    tree = errors.__doc__
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, Exception):
            assert name in tree
            assert issubclass(value, errors.AnalysisError)
