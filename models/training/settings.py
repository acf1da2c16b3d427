"""Settings of a training run: a small TOML file, checked, with changes from the command line."""

from __future__ import annotations

import argparse
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from models.errors import ModelError

CONFIGS = Path(__file__).with_name("configs")
T = TypeVar("T")


class BadSettings(ModelError):
    """A settings file that cannot be used."""


@dataclass(frozen=True, slots=True)
class Loop:
    """How any network here is trained.

    Attributes
    ----------
    steps, batch : int
        Updates, and examples an update.
    seed : int
        Decides the first weights, the order of examples and all noise.
    warmup : int
        Updates over which the learning rate rises from 0.
    decay : float
        Share of the updates, at the end, over which it falls linearly to 0.
    clip : float
        Largest norm of the gradient; 0 leaves it alone.
    average : float
        Decay of the moving average of the weights, a step.
    device : str
        ``cpu``, ``cuda`` or ``cuda:N``.
    dtype : str
        ``bfloat16`` (autocast) or ``float32``.
    threads : int
        Of torch on the CPU.
    compile : bool
        Whether `torch.compile` makes one kernel of many: two minutes at the start, then fewer CPU-seconds an
        update. For runs of hours.
    log_every, save_every : int
        Updates between lines of the log, and between checkpoints.
    snapshot_every : int
        Updates between copies of the averaged weights that are kept; 0 keeps none.
    """

    steps: int
    batch: int
    seed: int = 1
    warmup: int = 200
    decay: float = 0.3
    clip: float = 1.0
    average: float = 0.998
    device: str = "cpu"
    dtype: str = "bfloat16"
    threads: int = 1
    compile: bool = False
    log_every: int = 50
    save_every: int = 500
    snapshot_every: int = 0


def read_settings(kind: type[T], path: Path, changes: Sequence[str] = ()) -> T:
    """Read a TOML file into a dataclass.

    Parameters
    ----------
    kind : type
        A dataclass; a field whose default or annotation is `Loop` is a table of that kind, any other table
        stays a mapping.
    path : Path
        The file; a bare name is looked up in `CONFIGS`.
    changes : sequence of str
        ``key=value`` with a TOML value, or ``table.key=value``; each takes the place of what the file says.

    Raises
    ------
    BadSettings
        If the file cannot be read, a key is unknown or missing, or a value has another type than it should.
    """
    file = path if path.exists() else (CONFIGS / path.name).with_suffix(".toml")
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise BadSettings(f"{file} is no TOML: {error}") from error
    for change in changes:
        _change(told, change)
    return build(kind, told, str(file))


def build(kind: type[T], told: Mapping[str, Any], where: str) -> T:
    """A dataclass from a mapping, checked; the inverse of ``dataclasses.asdict`` for settings."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(told.keys() - known.keys()):
        raise BadSettings(f"{where}: unknown key {unknown[0]!r}; the keys are {', '.join(known)}")
    given: dict[str, Any] = {}
    for name, field in known.items():
        if name not in told:
            if field.default is MISSING and field.default_factory is MISSING:
                raise BadSettings(f"{where}: {name!r} is missing")
            continue
        given[name] = _value(told[name], str(field.type), f"{where}: {name!r}")
    return kind(**given)


def saved_network(folder: Path, what: str) -> Path:
    """A folder that ``save_pretrained`` wrote; a clear error where there is none.

    Raises
    ------
    BadSettings
        If the folder holds no network.
    """
    if not (folder / "config.json").is_file():
        raise BadSettings(f"{folder} holds no {what}; train one first")
    return folder


def command_line(module: str, description: str, config: str, extra: str = "") -> argparse.ArgumentParser:
    """The options that every training command has.

    Parameters
    ----------
    module, description : str
        What is run, and what it does.
    config : str
        Name of the settings file that it uses where no other is named.
    extra : str
        Options that its examples need.
    """
    run = f"python -m models.training.{module}"
    parser = argparse.ArgumentParser(
        prog=run,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"""examples:
  {run} --data data/atelier --out runs/{module}{extra}
  {run} {config} --data data/atelier --out runs/{module}{extra} --set loop.steps=2000
  {run} --data data/atelier --out runs/{module}{extra} --set loop.device=cuda
Stop it at any time; the same command goes on where it stopped.""",
    )
    parser.add_argument(
        "config", nargs="?", type=Path, default=Path(config), help=f"settings (default: {config})"
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data set")
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the run; one that is there is resumed"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting")
    parser.add_argument("--stop-after", type=int, metavar="STEP", help="write a checkpoint there and leave")
    return parser


def _value(value: Any, wanted: str, where: str) -> Any:
    if wanted == "Loop":
        return build(Loop, value, where)
    plain: dict[str, tuple[type, ...]] = {
        "int": (int,),
        "float": (int, float),
        "str": (str,),
        "bool": (bool,),
    }
    allowed = plain.get(wanted)
    if allowed and (not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed)):
        raise BadSettings(f"{where} must be {wanted}, not {value!r}")
    if wanted.startswith("tuple"):
        return tuple(value)
    return float(value) if wanted == "float" else value


def _change(told: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        value = text.strip()
    if not equals:
        raise BadSettings(f"{change!r} must be key=value")
    *tables, key = name.strip().split(".")
    place = told
    for table in tables:
        place = place.setdefault(table, {})
    place[key] = value
