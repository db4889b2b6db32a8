"""Losses that clients write in torch: a traced graph, checked against a closed list and run in numpy with its slope.

One datum at a time, as the SDK defines it: the loss takes a datum's logprobs and its loss_fn_inputs, and the losses of
all data are summed. Nothing of the graph is ever executed as code.
"""

from mock_server.toy_model.custom_loss.loss import custom_loss
from mock_server.toy_model.custom_loss.program import LossInput, Program, compile_loss

__all__ = ["LossInput", "Program", "compile_loss", "custom_loss"]
