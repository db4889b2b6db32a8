"""A traced loss, checked and ready to run: nodes in order, each an operation of the closed list."""

import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mock_server.toy_model.custom_loss.arguments import Reference, decode
from mock_server.toy_model.custom_loss.operations import Operation, find
from mock_server.toy_model.errors import InvalidInput

MAX_NODES = 2000
MAX_INPUTS = 16  # the SDK's own limit
MAX_METRICS = 256
_INPUT_NAME = re.compile(r"[a-z_][a-z0-9_]{0,63}")
_NODE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")
_METRIC = re.compile(r"custom/[a-z0-9_./-]{1,64}:(sum|mean)")
_RANDOM = re.compile(r"rand|normal|dropout|multinomial|bernoulli|poisson|exponential|gumbel")
# They choose a memory, an alignment or a warning's place: of no meaning here.
_MEANINGLESS = frozenset(
    {"device", "layout", "memory_format", "pin_memory", "requires_grad", "non_blocking", "copy", "_stacklevel"}
)
_CLIENT_SIDE = "or pass the function itself to forward_backward_custom, which then runs it in the client"


@dataclass(frozen=True)
class LossInput:
    """logprobs, or the loss_fn_inputs key that the loss reads, and how many dimensions it has: 0, 1 or 2."""

    name: str
    rank: int


@dataclass(frozen=True, slots=True)
class Node:
    """One step: what it is called in the graph, what it calls, and its arguments with references to earlier results."""

    name: str
    target: str
    operation: Operation
    arguments: tuple[Any, ...]
    keywords: Mapping[str, Any]


@dataclass(frozen=True)
class Program:
    """A loss of one datum. Results are numbered: the inputs first, then the nodes."""

    name: str
    inputs: tuple[LossInput, ...]
    nodes: tuple[Node, ...]
    loss: int
    metrics: Mapping[str, int]


def compile_loss(name: str, inputs: Sequence[Mapping[str, Any]], graph: Mapping[str, Any]) -> Program:
    """The program of an uploaded graph.

    inputs: [{"name", "rank"}], logprobs first.  graph: {"format": 1, "nodes": [{"op", "name", "target", "args",
    "kwargs"}]}, as the SDK's create_custom_loss sends it. Raises InvalidInput, which names the node.
    """
    taken = _inputs(inputs)
    if graph.get("format", 1) != 1:
        raise InvalidInput(f"graph.format is {str(graph['format'])[:20]}: this server knows format 1")
    given = graph.get("nodes")
    if not isinstance(given, list) or not all(isinstance(node, dict) for node in given):
        raise InvalidInput("graph.nodes is not a list of nodes: give those of the traced function")
    if len(given) > MAX_NODES:
        raise InvalidInput(f"graph.nodes has {len(given)} nodes: {MAX_NODES} are the most")
    return _Compiler(name[:80], taken).compile(given)


def _inputs(given: Sequence[Mapping[str, Any]]) -> tuple[LossInput, ...]:
    if not 1 <= len(given) <= MAX_INPUTS:
        raise InvalidInput(f"inputs has {len(given)} entries: give logprobs and at most {MAX_INPUTS - 1} more")
    inputs = []
    for i, entry in enumerate(given):
        name, rank = entry.get("name"), entry.get("rank")
        if not isinstance(name, str) or not _INPUT_NAME.fullmatch(name):
            raise InvalidInput(f"inputs[{i}].name is {str(name)[:80]!r}: give a lowercase name of a loss_fn_inputs key")
        if type(rank) is not int or rank not in {0, 1, 2}:
            raise InvalidInput(f"inputs[{i}].rank is {str(rank)[:20]}: give 0, 1 or 2")
        inputs.append(LossInput(name, rank))
    names = [entry.name for entry in inputs]
    if names[0] != "logprobs" or inputs[0].rank == 0:
        raise InvalidInput(f"inputs[0] is {names[0]!r} of rank {inputs[0].rank}: give logprobs of rank 1 or 2 first")
    if len(set(names)) < len(names):
        raise InvalidInput(f"inputs names {', '.join(names)}: give each name once")
    return tuple(inputs)


class _Compiler:
    """Goes through the nodes once; knows by name what came before."""

    def __init__(self, name: str, inputs: tuple[LossInput, ...]) -> None:
        self._name = name
        self._inputs = inputs
        self._places: dict[str, int] = {}
        self._nodes: list[Node] = []

    def compile(self, given: Sequence[Mapping[str, Any]]) -> Program:
        for i, node in enumerate(given):
            op, name, target = node.get("op"), node.get("name"), node.get("target")
            if not (isinstance(op, str) and isinstance(target, str) and isinstance(name, str)):
                raise InvalidInput(f"graph.nodes[{i}] lacks op, name or target: give all three as text")
            if not _NODE_NAME.fullmatch(name) or name in self._places:
                raise InvalidInput(f"graph.nodes[{i}].name is {name[:130]!r}: give each node an identifier of its own")
            if op == "placeholder":
                self._check_placeholder(name, target)
            elif len(self._places) < len(self._inputs):
                missing = self._inputs[len(self._places)].name
                raise InvalidInput(f"the graph has no placeholder for the input {missing!r}: begin with one for each")
            elif op in {"call_function", "call_method"}:
                self._nodes.append(self._call(op, name, target[:200], node))
            elif op != "output":
                raise InvalidInput(f"node {name!r} is a {op[:40]}: {_what_instead(op)}")
            elif i < len(given) - 1:
                raise InvalidInput(f"node {name!r} is the output, but nodes follow it: let it be the last")
            else:
                return self._output(name, self._decoded(name, node.get("args", []), "args"))
            self._places[name] = len(self._places)
        raise InvalidInput("graph.nodes has no output: let the last node return (loss, metrics)")

    def _check_placeholder(self, name: str, target: str) -> None:
        place = len(self._places)
        if place >= len(self._inputs) or self._inputs[place].name != target:
            wanted = ", ".join(entry.name for entry in self._inputs)
            raise InvalidInput(
                f"node {name!r} takes {target[:80]!r}, but the inputs are {wanted}: begin with one for each, in order"
            )

    def _call(self, op: str, name: str, target: str, node: Mapping[str, Any]) -> Node:
        operation = find(op, target)
        called = f"node {name!r} calls {'the method ' if op == 'call_method' else ''}{target}"
        if operation is None:
            raise InvalidInput(f"{called}, {_why_not(target)}")
        arguments = self._decoded(name, node.get("args", []), "args")
        keywords = self._decoded(name, {"dict": node.get("kwargs", {})}, "kwargs")
        if not isinstance(arguments, list):
            raise InvalidInput(f"node {name!r} has args that are no list: give its positional arguments")
        arguments, keywords = _fitted(operation, arguments, keywords)
        try:
            inspect.signature(operation).bind(None, *arguments, **keywords)
        except TypeError as error:
            raise InvalidInput(
                f"{called} with arguments that this server does not know ({error}): leave them out, {_CLIENT_SIDE}"
            ) from None
        return Node(name, target, operation, tuple(arguments), keywords)

    def _decoded(self, name: str, given: Any, field: str) -> Any:
        try:
            return decode(given, self._places)
        except ValueError as error:
            raise InvalidInput(f"{field} of node {name!r}: {error}") from None

    def _output(self, name: str, arguments: Any) -> Program:
        match arguments:
            case [([Reference(loss), dict(metrics)] | (Reference(loss), dict(metrics)))]:
                pass
            case _:
                raise InvalidInput(
                    f"node {name!r} does not return (loss, metrics): return the loss and a dict of tensors"
                )
        if len(metrics) > MAX_METRICS:
            raise InvalidInput(f"node {name!r} returns {len(metrics)} metrics: {MAX_METRICS} are the most")
        for key, value in metrics.items():
            if not _METRIC.fullmatch(key):
                raise InvalidInput(
                    f"node {name!r} returns the metric {key[:100]!r}: call it custom/<name>:sum or custom/<name>:mean"
                )
            if not isinstance(value, Reference):
                raise InvalidInput(f"node {name!r} returns the metric {key!r} as a constant: return a tensor")
        places = {key: value.place for key, value in metrics.items()}
        return Program(self._name, self._inputs, tuple(self._nodes), loss, places)


_KEYWORDS = {"input": "x", "self": "x", "axis": "dim", "keepdims": "keepdim", "exponent": "other"}
"""What torch calls arguments that have another name here, or the same one after numpy."""


def _fitted(
    operation: Operation, arguments: list[Any], keywords: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments as the operation names them, without those that mean nothing here."""
    parameters = inspect.signature(operation).parameters
    open_ended = [name for name, parameter in parameters.items() if parameter.kind is parameter.VAR_POSITIONAL]
    kept = {}
    for given, value in keywords.items():
        keyword = _KEYWORDS.get(given, given)
        if keyword in _MEANINGLESS or (keyword not in parameters and _is_off(keyword, value)):
            continue
        if keyword in open_ended or (keyword == "x" and not arguments):
            arguments = [*arguments, value]
        else:
            kept[keyword] = value
    return arguments, kept


def _is_off(keyword: str, value: Any) -> bool:
    """Whether an argument that the operation lacks has the value by which torch's own wrappers say: nothing."""
    return value is None or value is False or (keyword == "label_smoothing" and value == 0)


def _why_not(target: str) -> str:
    name = target.rpartition(".")[2]
    if name.endswith("_") and not name.startswith("_") and name not in {"and_", "or_"}:
        return f"which changes a tensor in place: use {name.removesuffix('_')}, which makes a new one"
    if _RANDOM.search(name):
        return "which is random, and a loss must give the same numbers each time: give the numbers as a loss_fn_inputs"
    return f"which is not among the operations that this server runs: write it with others, {_CLIENT_SIDE}"


def _what_instead(op: str) -> str:
    return {
        "get_attr": "a loss may not hold tensors of its own, so give them as loss_fn_inputs",
        "call_module": "a loss may not use modules, so call the function of torch.nn.functional",
    }.get(op, "give placeholder, call_function, call_method and one output")
