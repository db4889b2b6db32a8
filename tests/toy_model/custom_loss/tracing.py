"""Losses written as Python functions of symbols, recorded as torch.fx records them and encoded as the SDK does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mock_server.toy_model.custom_loss import Program, compile_loss


@dataclass
class Graph:
    """The nodes so far."""

    nodes: list[dict[str, Any]] = field(default_factory=list)

    def add(self, op: str, target: str, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Symbol:
        name = target if op == "placeholder" else f"n{len(self.nodes)}"
        self.nodes.append(
            {
                "op": op,
                "name": name,
                "target": target,
                "args": [encoded(arg) for arg in args],
                "kwargs": {key: encoded(value) for key, value in (kwargs or {}).items()},
            }
        )
        return Symbol(self, name)


class Symbol:
    """A result that will be known when the loss runs."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name

    def method(self, name: str, *args: Any, **kwargs: Any) -> Symbol:
        return self.graph.add("call_method", name, (self, *args), kwargs)

    def attribute(self, name: str) -> Symbol:
        return self.graph.add("call_function", "getattr", (self, name))

    def __getitem__(self, key: Any) -> Symbol:
        return call("operator.getitem", self, key)

    def __mul__(self, other: Any) -> Symbol:
        return call("operator.mul", self, other)

    def __add__(self, other: Any) -> Symbol:
        return call("operator.add", self, other)

    def __sub__(self, other: Any) -> Symbol:
        return call("operator.sub", self, other)

    def __truediv__(self, other: Any) -> Symbol:
        return call("operator.truediv", self, other)

    def __gt__(self, other: Any) -> Symbol:
        return call("operator.gt", self, other)

    def __neg__(self) -> Symbol:
        return call("operator.neg", self)


def call(target: str, *args: Any, **kwargs: Any) -> Symbol:
    """Call a function of torch, operator or math by its qualified name."""
    graph = next(found.graph for found in symbols([args, kwargs]))
    return graph.add("call_function", target, args, kwargs)


def symbols(value: Any) -> list[Symbol]:
    if isinstance(value, Symbol):
        return [value]
    if isinstance(value, slice):
        return symbols([value.start, value.stop, value.step])
    entries = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [found for entry in entries for found in symbols(entry)]


@dataclass(frozen=True)
class Constant:
    """torch.float32 ("dtype"), torch.device("cpu") ("device") and their like."""

    form: str
    name: str


FLOAT, LONG, BOOL = (Constant("dtype", name) for name in ("float32", "int64", "bool"))
CPU = Constant("device", "cpu")


def encoded(value: Any) -> Any:
    match value:
        case Symbol():
            return {"ref": value.name}
        case Constant():
            return {value.form: value.name}
        case float() if not math.isfinite(value):
            return {"float": str(value)}
        case list():
            return [encoded(entry) for entry in value]
        case tuple():
            return {"tuple": [encoded(entry) for entry in value]}
        case dict():
            return {"dict": {key: encoded(entry) for key, entry in value.items()}}
        case slice():
            return {"slice": [encoded(end) for end in (value.start, value.stop, value.step)]}
        case _ if value is Ellipsis:
            return {"ellipsis": True}
    return value


Written = Callable[..., tuple[Any, dict[str, Any]]]


def trace(loss: Written, **ranks: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The inputs and the graph of a loss that takes these inputs, logprobs first."""
    graph = Graph()
    result = loss(*(graph.add("placeholder", name) for name in ranks))
    graph.add("output", "output", (result,))
    inputs = [{"name": name, "rank": rank} for name, rank in ranks.items()]
    return inputs, {"format": 1, "nodes": graph.nodes}


def written(loss: Written, **ranks: int) -> Program:
    """The program of a loss, as the server would make it of the upload."""
    return compile_loss("mine", *trace(loss, **ranks))
