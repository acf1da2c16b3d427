"""Parts of a pipeline on OpenVINO: each is converted when it is first called, with what it was called with.

A part that does not convert, or whose converted form answers otherwise than torch, stays in torch; that is
logged and the other parts go on.
"""

from __future__ import annotations

import gc
import logging
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.engines.forms import Answer, Call, Flat, Unconvertible, sides
from models.engines.gate import openvino
from models.engines.store import Entry, Store, key_of

log = logging.getLogger(__name__)

CODE = 1
"""Of this module and `models.engines.forms`: to be raised when they would convert otherwise."""
PRECISIONS = {"float32": "f32", "bfloat16": "bf16", "float16": "f16"}
FARTHEST = {"float32": 1e-3, "bfloat16": 0.1, "float16": 0.1}
"""How far a converted part's answer may be from torch's, as the norm of the difference over torch's norm.

Rounding takes about a tenth of this; a trace that froze a number of rows or words is off by 1 or breaks.
"""
GATES = ("Swish", "Gelu")
MOST_FORMS = 4
RELEASED_FROM = 256 * 2**20
"""Torch's own weights of a converted part are let go from this many bytes on."""
KEPT_UP_TO = 2**16
"""But those of at most this many numbers stay: pipelines look at some of them."""


class Compiled:
    """A converted network, compiled: from tensors to tensors, one call at a time."""

    def __init__(self, model: Path, answer: Answer, *, dtype: str, threads: int) -> None:
        core = openvino().Core()
        self.answer = answer
        network = core.compile_model(
            core.read_model(model),
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": PRECISIONS[dtype],
                "INFERENCE_NUM_THREADS": threads,
                # One picture as soon as possible, rather than several at once.
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
                # A pinned thread waits for its core even while another is idle.
                "ENABLE_CPU_PINNING": False,
            },
        )
        self._request = network.create_infer_request()

    def run(self, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Answer with new tensors."""
        given = [tensor.detach().contiguous().numpy() for tensor in tensors]
        made = self._request.infer(given, share_inputs=True)
        return tuple(torch.from_numpy(made[output]) for output in range(len(made)))


class Part:
    """The ``forward`` of a part of a pipeline, on OpenVINO where its calls convert.

    Parameters
    ----------
    name : str
        What logs call it, such as ``"unet"``.
    network : nn.Module
        In float32; its own ``forward`` is replaced by this.
    again : callable
        Brings the network anew from its files, for another form once its weights were let go.
    identity : mapping
        What decides the weights; part of the key on disk.
    dtype : str
        What OpenVINO computes in.
    threads : int
    store : Store

    Attributes
    ----------
    given_up : str
        Why it stays in torch; empty while it does not.
    converted : int
        How many forms were converted here, not counting those found on disk.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        *,
        again: Callable[[], nn.Module],
        identity: Mapping[str, Any],
        dtype: str,
        threads: int,
        store: Store,
    ) -> None:
        self.name, self.network = name, network
        self.given_up = ""
        self.converted = 0
        self._again, self._identity = again, dict(identity)
        self._dtype, self._threads, self._store = dtype, threads, store
        self._forward = network.forward
        self._compiled: OrderedDict[str, Compiled] = OrderedDict()
        self._released = False
        network.forward = self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not self.given_up:
            try:
                call = Call.of(args, kwargs)
                compiled = self._form(call)
                return compiled.answer.put_together(compiled.run(call.tensors))
            except Exception as error:
                if isinstance(error, MemoryError) or "alloc" in str(error).lower():
                    raise MemoryError(f"{self.name}: {error}") from error
                self._give_up(error)
        return self._forward(*args, **kwargs)

    def _form(self, call: Call) -> Compiled:
        """The compiled network for a call: at hand, from disk, or converted now."""
        if call.form in self._compiled:
            self._compiled.move_to_end(call.form)
            return self._compiled[call.form]
        key = key_of({**self._identity, "part": self.name, "form": call.form, **_versions(self._dtype)})
        entry = self._store.find(key)
        if entry:
            compiled = self._compile(entry)
        else:
            with self._store.tried(key):
                compiled = self._convert(call, key)
        self._compiled[call.form] = compiled
        if len(self._compiled) > MOST_FORMS:
            self._compiled.popitem(last=False)
        self._release()
        return compiled

    def _compile(self, entry: Entry) -> Compiled:
        told = entry.about["answer"]
        answer = Answer(told["nesting"], tuple(told["tensors"]))
        return Compiled(entry.model, answer, dtype=self._dtype, threads=self._threads)

    def _convert(self, call: Call, key: str) -> Compiled:
        log.info("%s is converted to OpenVINO, once on this machine", self.name)
        self._restore()
        with self._torchs_own():
            model, answer = convert(self.network, call)
        about = {"part": self.name, "answer": {"nesting": answer.nesting, "tensors": list(answer.tensors)}}
        made = []

        halves = self._dtype != "float32" and not has_plain_gates(model)

        def write(path: Path) -> None:
            openvino().save_model(model, path, compress_to_fp16=halves)
            compiled = Compiled(path, answer, dtype=self._dtype, threads=self._threads)
            self._check(compiled, call)
            made.append(compiled)

        try:
            self._store.add(key, write, about)
        except (OSError, RuntimeError) as error:
            log.warning("%s takes no converted network: %s", self._store.folder, error)
            with tempfile.TemporaryDirectory() as folder:
                Store(Path(folder)).add(key, write, about)
        self.converted += 1
        return made[-1]

    def _check(self, compiled: Compiled, call: Call) -> None:
        """Whether another number of rows than was traced gives what torch gives; raises `Unconvertible`."""
        tensors = call.another_batch()
        with self._torchs_own():
            expected = Flat(self.network, call)(*tensors)
        for one, other in zip(compiled.run(tensors), expected, strict=True):
            away = float((one - other).norm() / other.norm().clamp_min(1e-12))
            if not away <= FARTHEST[self._dtype]:
                raise Unconvertible(f"its answer is {away:.2g} of its size away from torch's")

    def _give_up(self, error: Exception) -> None:
        self.given_up = " ".join(str(error).split())[:300] or type(error).__name__
        log.warning("%s stays in torch: %s", self.name, self.given_up)
        self._compiled.clear()
        self._restore()

    @contextmanager
    def _torchs_own(self) -> Iterator[None]:
        """The network as torch runs it."""
        present = self.network.forward
        self.network.forward = self._forward
        try:
            with torch.no_grad():
                yield
        finally:
            self.network.forward = present

    def _release(self) -> None:
        """Let torch's weights go."""
        weights = list(self.network.parameters())
        if sum(weight.numel() * weight.element_size() for weight in weights) < RELEASED_FROM:
            return
        for weight in weights:
            if weight.numel() > KEPT_UP_TO:
                weight.data = weight.data.new_empty(0)
        self._released = True
        gc.collect()

    def _restore(self) -> None:
        if self._released:
            fresh = dict(self._again().named_parameters())
            for name, weight in self.network.named_parameters():
                weight.data = fresh[name].data
            self._released = False


def convert(network: nn.Module, call: Call) -> tuple[Any, Answer]:
    """Trace a network with the arguments of a call.

    Returns
    -------
    openvino.Model
        With one input a tensor of the call, as free as `models.engines.forms.sides` says.
    Answer
        How its outputs make up the network's own answer.
    """
    ov = openvino()
    from openvino.frontend.pytorch.ts_decoder import (  # type: ignore[import-untyped]
        TorchScriptPythonDecoder,
    )

    flat = Flat(network, call)
    with warnings.catch_warnings():
        # A tracer warns of everything that it would freeze; the answer is checked against torch instead.
        warnings.simplefilter("ignore")
        traced = TorchScriptPythonDecoder(
            flat, example_input=call.tensors, trace_kwargs={"check_trace": False}
        )
        model = ov.convert_model(
            traced, example_input=call.tensors, input=[ov.PartialShape(sides(one)) for one in call.tensors]
        )
    if len(model.inputs) != len(call.tensors) or flat.answer is None:
        raise Unconvertible("a trace of it leaves arguments out")
    return model, flat.answer


def has_plain_gates(model: Any) -> bool:
    """Whether a network holds a gated MLP without biases, such as SwiGLU's.

    OpenVINO 2026.4 fuses one whose weights are stored in 16 bits into a kernel that divides by zero with one
    thread, which ends the process, and that answers wrongly at small widths. Weights in float32 keep it off;
    they are rounded all the same when it computes.
    """
    for product in model.get_ops():
        if product.get_type_name() != "Multiply":
            continue
        for side in (one.get_source_output().get_node() for one in product.inputs()):
            if side.get_type_name() in GATES and _comes_from(side) == "MatMul":
                return True
    return False


def _comes_from(node: Any) -> str:
    """The kind of the first product or sum upstream, past what only moves numbers."""
    while node.get_input_size():
        node = node.input(0).get_source_output().get_node()
        if node.get_type_name() in ("MatMul", "Add", "Multiply"):
            break
    return str(node.get_type_name())


def _versions(dtype: str) -> dict[str, Any]:
    packages = {name: version(name) for name in ("torch", "diffusers", "transformers", "openvino")}
    return {"code": CODE, "halves": dtype != "float32", **packages}
