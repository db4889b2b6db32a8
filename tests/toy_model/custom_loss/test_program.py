"""What is accepted as a program, what is refused, and that the refusal says which node and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mock_server.toy_model import InvalidInput
from mock_server.toy_model.custom_loss import compile_loss
from mock_server.toy_model.custom_loss.evaluation import evaluate
from mock_server.toy_model.custom_loss.operations import TORCH
from mock_server.toy_model.custom_loss.operations.plain import MATH, OPERATORS
from mock_server.toy_model.custom_loss.program import MAX_NODES
from mock_server.toy_model.custom_loss.tape import MAX_ELEMENTS, Work
from tests.toy_model.custom_loss.tracing import Symbol, call, written

LOGPROBS = [{"name": "logprobs", "rank": 1}]


def graph(*nodes: dict[str, Any], output: Any = None) -> dict[str, Any]:
    """logprobs, these nodes, and an output that returns the node `loss`."""
    returned = {"tuple": [{"ref": "loss"}, {"dict": {}}]} if output is None else output
    return {
        "format": 1,
        "nodes": [
            {"op": "placeholder", "name": "logprobs", "target": "logprobs", "args": [], "kwargs": {}},
            *nodes,
            {"op": "output", "name": "output", "target": "output", "args": [returned], "kwargs": {}},
        ],
    }


def node(target: str, *args: Any, op: str = "call_function", name: str = "loss", **kwargs: Any) -> dict[str, Any]:
    return {"op": op, "name": name, "target": target, "args": list(args), "kwargs": kwargs}


REF = {"ref": "logprobs"}
SUM = node("torch.sum", REF)


def test_a_loss_gives_its_value_its_slope_and_its_metrics() -> None:
    def dpo(logprobs: Symbol, chosen: Symbol, reference: Symbol) -> tuple[Symbol, dict[str, Symbol]]:
        gap = ((logprobs - reference) * chosen).method("sum")
        return -call("torch.nn.functional.logsigmoid", gap * 0.1), {"custom/margin:mean": gap}

    result = evaluate(
        written(dpo, logprobs=1, chosen=1, reference=1),
        np.array([-1.0, -2.0, -3.0], np.float32),
        [np.array([1, -1, 0]), np.array([-1.5, -1.5, -1.5], np.float32)],
        Work(),
    )
    gap = 0.5 + 0.5
    assert result.loss == pytest.approx(np.log1p(np.exp(-0.1 * gap)))
    assert result.metrics == {"custom/margin:mean": pytest.approx(gap)}
    share = -0.1 / (1 + np.exp(0.1 * gap))
    assert result.slope.tolist() == pytest.approx([share, -share, 0])


def test_an_output_may_be_a_list_and_a_node_may_take_its_tensor_by_name() -> None:
    program = compile_loss(
        "mine",
        LOGPROBS,
        graph(node("torch.sum", input=REF, axis=0, keepdims=False), output=[{"ref": "loss"}, {"dict": {}}]),
    )
    assert evaluate(program, np.array([-1.0, -2.0]), [], Work()).loss == -3


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (
            node("torch.fft.fft", REF),
            "node 'loss' calls torch.fft.fft, which is not among the operations.*in the client",
        ),
        (node("os.system", "true"), "node 'loss' calls os.system, which is not among"),
        (node("builtins.eval", "1"), "calls builtins.eval, which is not among"),
        (node("torch.load", "x"), "calls torch.load, which is not among"),
        (node("__class__", REF, op="call_method"), "calls the method __class__, which is not among"),
        (
            node("clamp_", REF, 0, op="call_method"),
            "calls the method clamp_, which changes a tensor in place: use clamp,",
        ),
        (node("torch.rand_like", REF), "calls torch.rand_like, which is random"),
        (node("torch.nn.functional.dropout", REF), "which is random"),
        (
            node("torch.sum", REF, dimension=0),
            "calls torch.sum with arguments that this server does not know.*dimension",
        ),
        (node("torch.sum"), "calls torch.sum with arguments that this server does not know"),
        (node("torch.nn.functional.relu", REF, inplace=True), "does not know .*inplace"),
        (node("torch.sum", {"ref": "later"}), "args of node 'loss': refers to 'later', which is no node before it"),
        (node("torch.sum", {"set": [1]}), "args of node 'loss': .* is none of the forms of an argument"),
        (node("torch.sum", {"a": 1, "b": 2}), "is no argument: give a scalar, a list, or an object of one key"),
        (node("torch.sum", REF, {"dtype": "complex64"}), "dtype 'complex64' is none of"),
        (node("torch.sum", REF, 2**70), "does not fit in int64"),
        (node("torch.sum", REF, "x" * 300), "a text of 300 characters"),
        (node("torch.sum", REF, [0] * 300), "an argument of 300 entries"),
        (node("weight", op="get_attr"), "node 'loss' is a get_attr: .* give them as loss_fn_inputs"),
        (node("layer", op="call_module"), "node 'loss' is a call_module: .* torch.nn.functional"),
        (node("x", op="placeholder"), "node 'loss' takes 'x', but the inputs are logprobs"),
        (node("torch.sum", REF, name="logprobs"), "give each node an identifier of its own"),
        (node("torch.sum", REF, name="a b"), "give each node an identifier of its own"),
    ],
)
def test_a_refusal_names_the_node_and_says_what_to_do(refused: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        compile_loss("mine", LOGPROBS, graph(refused))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"ref": "loss"}, r"node 'output' does not return \(loss, metrics\)"),
        ({"tuple": [1.0, {"dict": {}}]}, r"does not return \(loss, metrics\)"),
        ({"tuple": [{"ref": "loss"}, {"dict": {"loss": {"ref": "loss"}}}]}, "the metric 'loss': call it custom/<name>"),
        ({"tuple": [{"ref": "loss"}, {"dict": {"custom/a:sum": 1}}]}, "the metric 'custom/a:sum' as a constant"),
    ],
)
def test_what_a_loss_returns_is_checked(output: Any, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        compile_loss("mine", LOGPROBS, graph(SUM, output=output))


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([], "inputs has 0 entries"),
        ([{"name": "weights", "rank": 1}], "inputs\\[0\\] is 'weights'.*give logprobs"),
        ([{"name": "logprobs", "rank": 0}], "of rank 0: give logprobs of rank 1 or 2"),
        ([{"name": "logprobs", "rank": 3}], r"inputs\[0\].rank is 3: give 0, 1 or 2"),
        ([{"name": "logprobs", "rank": True}], r"inputs\[0\].rank is True"),
        ([*LOGPROBS, {"name": "Reward", "rank": 1}], r"inputs\[1\].name is 'Reward'"),
        ([*LOGPROBS, {"name": "reward", "rank": 1}], "no placeholder for the input 'reward'"),
        ([*LOGPROBS, *LOGPROBS], "give each name once"),
    ],
)
def test_inputs_are_checked(inputs: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        compile_loss("mine", inputs, graph(SUM))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"format": 2, "nodes": []}, "graph.format is 2"),
        ({"nodes": {}}, "graph.nodes is not a list"),
        ({"nodes": [3]}, "graph.nodes is not a list of nodes"),
        ({"nodes": [{"op": "output"}]}, r"graph.nodes\[0\] lacks op, name or target"),
        ({"nodes": graph(SUM)["nodes"][:-1]}, "graph.nodes has no output"),
        ({"nodes": graph(SUM)["nodes"][::-1]}, "no placeholder for the input 'logprobs'"),
        ({"nodes": [*graph(SUM)["nodes"], {**SUM, "name": "more"}]}, "nodes follow it"),
        ({"nodes": [SUM] * (MAX_NODES + 1)}, "2001 nodes: 2000 are the most"),
        (graph({**SUM, "args": 3}), "that are no list"),
    ],
)
def test_a_broken_graph_is_refused(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        compile_loss("mine", LOGPROBS, broken)


@pytest.mark.parametrize(
    ("failing", "message"),
    [
        (
            lambda x: x + call("torch.zeros", (x.attribute("shape")[0] + 1,)),
            r"node 'n5' \(operator.add\) fails: .*broadcast",
        ),
        (lambda x: x[7], r"\(operator.getitem\) fails: index 7 is out of bounds"),
        (lambda x: x.attribute("grad_fn"), "has no attribute 'grad_fn' here"),
        (lambda x: x.method("sum", 3), r"\(sum\) fails: dim 3 is not one of a tensor's 1 dimensions"),
        (lambda x: x[x], "expected a whole number, got a tensor"),
        (lambda x: x.method("long").method("mean"), "convert them with .float"),
        (lambda x: x.method("detach"), "its loss does not depend on logprobs"),
        (lambda x: x.method("long"), "its loss does not depend on logprobs"),
        (lambda x: x.method("size", 0), "returns a int as its loss"),
    ],
)
def test_a_node_that_fails_is_named(failing: Any, message: str) -> None:
    def loss(x: Symbol) -> tuple[Symbol, dict[str, Symbol]]:
        y = failing(x)
        return (y if y.graph.nodes[-1]["target"] == "size" else call("torch.sum", y)), {}

    with pytest.raises(InvalidInput, match=message):
        evaluate(written(loss, logprobs=1), -np.ones(4), [], Work())


def test_a_loss_that_is_no_scalar_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"its loss has shape \[4\]: return a scalar, such as a sum"):
        evaluate(written(lambda x: (x * 2, {}), logprobs=1), -np.ones(4), [], Work())


@pytest.mark.parametrize(
    "growing",
    [
        lambda x: x.method("new_zeros", 8192, 1) * x.method("new_zeros", 8192),
        lambda x: x.method("repeat", MAX_ELEMENTS),
        lambda x: x.method("unsqueeze", 1).method("expand", -1, MAX_ELEMENTS),
        lambda x: call("torch.full", (x.attribute("shape")[0], MAX_ELEMENTS), 1.0),
        lambda x: call("torch.arange", x.attribute("shape")[0] * MAX_ELEMENTS),
        lambda x: call("torch.nn.functional.one_hot", x.method("long").method("abs"), MAX_ELEMENTS),
        lambda x: call("torch.nn.functional.pad", x, (0, MAX_ELEMENTS)),
        lambda x: x.method("repeat_interleave", MAX_ELEMENTS),
        lambda x: call("torch.eye", x.attribute("shape")[0] * 1_000_000),
        lambda x: call("torch.linspace", 0, 1, x.attribute("shape")[0] * MAX_ELEMENTS),
    ],
)
def test_a_tensor_without_bounds_is_refused_before_it_is_made(growing: Any) -> None:
    program = written(lambda x: (call("torch.sum", growing(x)), {}), logprobs=1)
    with pytest.raises(InvalidInput, match=f"hold more than {MAX_ELEMENTS} numbers for one datum"):
        evaluate(program, -np.ones(4), [], Work())


@pytest.mark.parametrize(
    "huge",
    [
        lambda n: call("operator.pow", call("operator.pow", 10, n * 1000), 1000),
        lambda n: call("operator.lshift", n, 10_000),
        lambda n: call("operator.mul", n * 2**61, n),
    ],
)
def test_numbers_do_not_grow_without_bounds(huge: Any) -> None:
    program = written(lambda x: (call("torch.sum", x) * huge(x.attribute("shape")[0]), {}), logprobs=1)
    with pytest.raises(InvalidInput, match="not a number that a tensor can hold"):
        evaluate(program, -np.ones(4), [], Work())


def test_a_request_computes_a_bounded_amount() -> None:
    def loss(x: Symbol) -> tuple[Symbol, dict[str, Symbol]]:
        for _ in range(500):
            x = x * 1.5
        return call("torch.sum", x), {}

    program, work = written(loss, logprobs=1), Work(units=5_000_000)
    evaluate(program, -np.ones(100), [], work)
    evaluate(program, -np.ones(100), [], work)
    with pytest.raises(InvalidInput, match="more computation than one request may take: send fewer data"):
        evaluate(program, -np.ones(100), [], work)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just({"ref": "logprobs"}),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tuple", "slice", "dict", "ref"]), inner)
        ),
        max_leaves=10,
    ),
    st.sampled_from(
        ["torch.sum", "operator.getitem", "torch.clamp", "torch.cat", "getattr", "torch.zeros", "math.log"]
    ),
)
def test_no_argument_does_more_than_be_refused(argument: Any, target: str) -> None:
    uploaded = graph(node(target, REF, argument, name="n"), node("torch.sum", REF))
    message = ""
    try:
        evaluate(compile_loss("mine", LOGPROBS, uploaded), -np.ones(3), [], Work())
    except InvalidInput as refusal:
        message = str(refusal)
    assert not message or "node 'n'" in message


def test_the_page_of_custom_losses_names_every_operation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "custom-losses.md").read_text()
    assert not [name for table in (TORCH, OPERATORS, MATH) for name in table if f"`{name}`" not in page]
