"""The closed list of what a custom loss may do: by the name that torch.fx gives it, what it computes and its slope."""

from collections.abc import Mapping

from mock_server.toy_model.custom_loss.operations.binary import BINARY, where_method
from mock_server.toy_model.custom_loss.operations.conversion import CONVERSION
from mock_server.toy_model.custom_loss.operations.creation import CREATION
from mock_server.toy_model.custom_loss.operations.functional import FUNCTIONAL
from mock_server.toy_model.custom_loss.operations.indexing import INDEXING
from mock_server.toy_model.custom_loss.operations.ordering import ORDERING
from mock_server.toy_model.custom_loss.operations.plain import MATH, OPERATORS, SIZES, attribute
from mock_server.toy_model.custom_loss.operations.products import PRODUCTS
from mock_server.toy_model.custom_loss.operations.reductions import REDUCTIONS
from mock_server.toy_model.custom_loss.operations.shapes import SHAPES
from mock_server.toy_model.custom_loss.operations.unary import UNARY, Operation

__all__ = ["TORCH", "Operation", "find"]

_SECOND_NAMES = {
    "absolute": "abs", "negative": "neg", "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div",
    "clip": "clamp", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arctan2": "atan2", "arcsinh": "asinh",
    "arccosh": "acosh", "arctanh": "atanh", "expit": "sigmoid", "log_sigmoid": "logsigmoid", "greater": "gt",
    "greater_equal": "ge", "less": "lt", "less_equal": "le", "not_equal": "ne", "concat": "cat", "concatenate": "cat",
    "column_stack": "hstack", "row_stack": "vstack", "swapaxes": "transpose", "swapdims": "transpose",
    "moveaxis": "movedim", "_threshold": "threshold", "ndimension": "dim", "nelement": "numel", "ger": "outer",
    "linalg_vector_norm": "vector_norm",
}  # fmt: skip

TORCH: Mapping[str, Operation] = {
    name: operation
    for table in (
        UNARY, BINARY, SHAPES, REDUCTIONS, ORDERING, INDEXING, PRODUCTS, CREATION, CONVERSION, FUNCTIONAL, SIZES
    )
    for name, operation in table.items()
    if name != "getitem"
}  # fmt: skip
"""What torch calls by these names, as a function or as a method of a tensor, the first argument being the tensor."""

_METHODS = {"where": where_method}
"""Methods that differ from the function of the same name."""

# torch.fx names a function by the module that it was found in, which is often an inner one.
_TORCH_MODULES = (
    "torch.nn.functional.", "torch.functional.", "torch._C._nn.", "torch._C._special.special_", "torch._C._linalg.",
    "torch.",
)  # fmt: skip


def find(op: str, target: str) -> Operation | None:
    """The operation of a call_function or call_method node; None for one that is not on the list."""
    if op == "call_method":
        return _METHODS.get(target) or _torch(target)
    if target in {"getattr", "builtins.getattr"}:
        return attribute
    module, _, name = target.rpartition(".")
    if module == "operator":
        return OPERATORS.get(name)
    if module == "math":
        return MATH.get(name)
    for prefix in _TORCH_MODULES:
        if target.startswith(prefix):
            return _torch(target.removeprefix(prefix))
    return None


def _torch(name: str) -> Operation | None:
    return TORCH.get(_SECOND_NAMES.get(name, name))
