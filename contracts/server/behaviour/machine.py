"""The machine that Hypothesis drives: all rules together, and what comes before and after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from contracts.server.behaviour.sampling_rules import SamplingRules
from contracts.server.behaviour.session_rules import SessionRules
from contracts.server.behaviour.stranger_rules import StrangerRules
from contracts.server.behaviour.submission_rules import SubmissionRules
from contracts.server.behaviour.training_rules import TrainingRules

if TYPE_CHECKING:
    from contracts.server.behaviour.exploring import Exploration


class Machine(TrainingRules, SubmissionRules, SamplingRules, SessionRules, StrangerRules):
    """Everything that can be done. The simplest comes first: Hypothesis shortens towards it."""


def machine(exploration: Exploration) -> type[Machine]:
    """The class for one round; Hypothesis makes an instance of it for each sequence."""
    return type("Behaviour", (Machine,), {"exploration": exploration})
