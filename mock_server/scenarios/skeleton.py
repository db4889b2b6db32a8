"""The text of a new scenario: valid as it is, with comments that say what can be changed."""

from __future__ import annotations

from string import Template
from typing import Final

_TEXT: Final = Template("""\
# yaml-language-server: $$schema=${schema}
# A scenario: what the server does wrong, and what a good client does about it.
#   tinker-mock scenario run ${file} -- python my_training.py

id: ${id}                 # the name of this file, without its ending
title: The answer to an optim_step is lost after the step was taken
source: [where this happened]   # an issue, a page, a line of a log
requirements: [C-RETRY-SEQ]     # of docs/contract.md

happens: Takes the second optim_step, and resets the connection in place of its answer.
good_client: Sends the same request once more under its seq_id, so that the step is taken once.

seed: 7                   # what is drawn (probability, garbage) is the same at every run
clock: real               # real, manual (moved by the control plane) or auto (jumps to what is due next)
# client_config: {parallel_fwdbwd_chunks: false}   # flags of docs/settings.md, told to this client
# given: {seed_data: name}                         # what is there before the client comes

faults:
  # Where: operation (of openapi.yaml), session, run, sampler, seq_id.
  # When: on: [1, 2] | first: 3 | every: 5 | probability: 0.1; without any, always. Retries count as calls.
  # What: a phase and an effect; docs/faults.md lists them with their parameters.
  - {operation: optim_step, on: 2, phase: after_commit, effect: reset}

expect:
  wire:
    # A check of docs/contract.md that has a say and holds, or a count of exchanges. Every MUST of a client is expected
    # besides.
    - {check: lost-step-is-repeated}
    - {operation: optim_step, answered: nothing, count: 1}
  state:
    # Runs and checkpoints are $$first, $$last, $$2, $$each. `told`: as many as the client was told of.
    - {run: $$first, optimizer_steps: told}
  client:
    outcome: completes    # completes, reports (fails, and says what happened) or ends (either)
    # says: [seq_id]      # what its output holds
""")


def skeleton(scenario_id: str, file: str, schema: str) -> str:
    """The YAML of a new scenario. file: its path, schema: the JSON schema's, both as the comments name them."""
    return _TEXT.substitute(id=scenario_id, file=file, schema=schema)
