"""Calls as flat lists of tensors: what a converted network takes and gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

Dims = tuple[int, ...]

FREE = -1


class Unconvertible(Exception):
    """A call, or its answer, holds what is neither a tensor nor a plain value."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """The arguments of a call, taken apart.

    Attributes
    ----------
    tensors : tuple of Tensor
        In the order in which the arguments hold them.
    form : str
        What two calls must share to run on one converted network: how the arguments are nested, plain values,
        and of each tensor the dtype and those sides that `sides` does not leave free.
    """

    tensors: tuple[Tensor, ...]
    form: str
    leaves: tuple[Any, ...]
    nesting: Any

    @classmethod
    def of(cls, args: Sequence[Any], kwargs: dict[str, Any]) -> Call:
        """Take arguments apart; raises `Unconvertible`."""
        leaves, nesting = pytree.tree_flatten((tuple(args), kwargs))
        told = []
        for leaf in leaves:
            if isinstance(leaf, Tensor):
                told.append(f"{leaf.dtype}{list(sides(leaf))}")
            elif leaf is None or isinstance(leaf, bool | int | float | str):
                told.append(repr(leaf))
            else:
                raise Unconvertible(f"an argument is a {type(leaf).__name__}")
        tensors = tuple(leaf for leaf in leaves if isinstance(leaf, Tensor))
        return cls(tensors, f"{nesting} {'; '.join(told)}", tuple(leaves), nesting)

    def arguments(self, tensors: Sequence[Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The same arguments with other tensors."""
        given = iter(tensors)
        leaves = [next(given) if isinstance(leaf, Tensor) else leaf for leaf in self.leaves]
        args, kwargs = pytree.tree_unflatten(leaves, self.nesting)
        return args, kwargs

    def another_batch(self) -> tuple[Tensor, ...]:
        """The same tensors for one row alone, or twice the row if there is but one.

        A tensor belongs to the batch if its first side is as long as the first tensor's.
        """
        rows = self.tensors[0].shape[0] if self.tensors and self.tensors[0].ndim else 0

        def changed(tensor: Tensor) -> Tensor:
            if not tensor.ndim or tensor.shape[0] != rows:
                return tensor
            return torch.cat([tensor, tensor]) if rows == 1 else tensor[:1]

        return tuple(changed(tensor) for tensor in self.tensors)


def sides(tensor: Tensor) -> Dims:
    """A tensor's shape with `FREE` for the sides that may differ between calls of one form.

    Rows are free, and so are the lengths of sequences. Height and width of pictures are not: networks decide
    by them in Python, which a trace does not see, so that each size is a form of its own. Nor are channels.
    """
    shape = tuple(tensor.shape)
    if tensor.ndim >= 4:
        return (FREE, *shape[1:])
    if tensor.ndim >= 2 and tensor.is_floating_point():
        return (*(FREE for _ in shape[:-1]), shape[-1])
    return tuple(FREE for _ in shape)


@dataclass(frozen=True, slots=True)
class Answer:
    """How an answer is nested, and which of its leaves are tensors; the others are None."""

    nesting: str
    tensors: tuple[bool, ...]

    def put_together(self, tensors: Sequence[Tensor]) -> Any:
        """The answer that holds these tensors."""
        given = iter(tensors)
        leaves = [next(given) if is_tensor else None for is_tensor in self.tensors]
        return pytree.tree_unflatten(leaves, pytree.treespec_loads(self.nesting))


class Flat(nn.Module):
    """A network from a tuple of tensors to a tuple of tensors, for tracing.

    Attributes
    ----------
    answer : Answer or None
        How the last answer was nested.
    """

    def __init__(self, network: nn.Module, call: Call) -> None:
        super().__init__()
        self.network = network
        self.answer: Answer | None = None
        self._call = call

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        args, kwargs = self._call.arguments(tensors)
        # Not the network itself: hooks are for real calls.
        leaves, nesting = pytree.tree_flatten(self.network.forward(*args, **kwargs))
        if strange := [leaf for leaf in leaves if leaf is not None and not isinstance(leaf, Tensor)]:
            raise Unconvertible(f"the answer holds a {type(strange[0]).__name__}")
        self.answer = Answer(pytree.treespec_dumps(nesting), tuple(leaf is not None for leaf in leaves))
        return tuple(leaf for leaf in leaves if leaf is not None)
