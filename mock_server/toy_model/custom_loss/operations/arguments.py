"""How torch's arguments are read: dimensions, sizes, whole numbers, types."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mock_server.toy_model.custom_loss.tape import Tensor, kind_of

NumberKind = str  # "b", "i" or "f", as numpy's dtype.kind

_KINDS = {
    "bool": "b",
    **dict.fromkeys(("uint8", "int8", "int16", "int32", "int64", "short", "int", "long"), "i"),
    **dict.fromkeys(("float16", "bfloat16", "float32", "float64", "half", "float", "double"), "f"),
}


@dataclass(frozen=True)
class Dtype:
    """A torch.dtype, of which only the kind of number counts."""

    kind: NumberKind

    @classmethod
    def named(cls, name: str) -> "Dtype":
        if name not in _KINDS:
            raise ValueError(f"dtype {name!r} is none of {', '.join(_KINDS)}")
        return cls(_KINDS[name])


@dataclass(frozen=True)
class Place:
    """A torch.device, layout or memory_format: all the same here."""


def whole(value: Any) -> int:
    """A whole number, given as one or as a tensor that holds one."""
    if isinstance(value, Tensor) and value.data.size == 1 and value.data.dtype.kind in "bi":
        return int(value.data.item())
    if not isinstance(value, int):
        raise TypeError(f"expected a whole number, got {kind_of(value)}")
    return int(value)


def number(value: Any) -> bool | int | float:
    """A number, given as one or as a tensor that holds one (which ends its slope, as in torch)."""
    if isinstance(value, Tensor):
        if value.data.size != 1:
            raise ValueError(f"a tensor of shape {list(value.shape)} can't be taken as one number")
        value = value.data.item()
    if not isinstance(value, bool | int | float):
        raise TypeError(f"expected a number, got {kind_of(value)}")
    return value


def sizes(given: Sequence[Any]) -> tuple[int, ...]:
    """`f(2, 3)` and `f((2, 3))` alike."""
    if len(given) == 1 and isinstance(given[0], list | tuple):
        given = given[0]
    return tuple(whole(size) for size in given)


def axis(ndim: int, dim: Any) -> int:
    """A dimension counted from the front."""
    index = whole(dim)
    if not -ndim <= index < ndim:
        raise IndexError(f"dim {index} is not one of a tensor's {ndim} dimensions")
    return index % ndim


def axes(ndim: int, dim: Any) -> tuple[int, ...]:
    """The dimensions to reduce: all where none is named, as in torch."""
    if dim is None or (isinstance(dim, list | tuple) and not dim):
        return tuple(range(ndim))
    named = dim if isinstance(dim, list | tuple) else (dim,)
    if ndim == 0 and all(whole(index) in {-1, 0} for index in named):
        return ()
    chosen = tuple(axis(ndim, index) for index in named)
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"dim {list(named)} names a dimension twice")
    return chosen


def all_tensors(given: Any) -> list[Tensor]:
    """A sequence of tensors, as torch.cat and torch.stack take it."""
    if not isinstance(given, list | tuple) or not given:
        raise TypeError("expected a list or tuple of tensors that is not empty")
    for entry in given:
        if not isinstance(entry, Tensor):
            raise TypeError(f"expected tensors, got {kind_of(entry)}")
    return list(given)
