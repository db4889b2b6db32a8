"""The page about scenarios: how an incident is made to happen again, and every one that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from contracts.requirements import requirements
from docs.table import table
from mock_server.api.scenario_choice import HEADER
from mock_server.cli.judged_program import OUTCOME_VARIABLE
from mock_server.scenarios import Library, catalogue
from mock_server.scenarios.showing import rule_in_words
from mock_server.scenarios.stage import KEY_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mock_server.scenarios.scenario import Scenario

_INTRODUCTION: Final = f"""\
# Scenarios

A scenario makes a documented incident happen again, the same way every time, and says what a good client does about it.

```bash
tinker-mock scenario list
tinker-mock scenario show lost-response-doubles-step
tinker-mock scenario run lost-response-doubles-step -- python my_training.py
```

`run` starts a server, lets the command meet the scenario there, and prints a verdict with its evidence: checks of
[the contract](contract.md) over all that crossed the wire, what the server holds in the end, and how the command ended.
Its exit status is 0 if the client did what a good client does. A client ends well by its exit status, or says more of
itself in the file that the variable `{OUTCOME_VARIABLE}` names, a line of JSON each time:
`{{"outcome": "completes"}}` or `{{"outcome": "reports", "message": "what it told its user"}}`.

With `--keep-journal FILE` it writes what crossed the wire, and `tinker-mock scenario replay FILE` sends that again to a
fresh server: every request when everything has been answered that its client had waited for. The same seed, scenario
and client give the same answers, ids and numbers included, but for times, durations, and what holds a time: signatures
of addresses and tokens. The first answer that is another one is shown. What the control plane did meanwhile, such as
moving a manual clock, is not recorded.

With a server that runs already, every tenant has a scenario of its own or none:

| Chosen by | How |
| --- | --- |
| command line | `tinker-mock serve --scenario ID`: every tenant that chooses nothing else |
| API key | `{KEY_PREFIX}ID-anything`, another key for each test |
| request header | `{HEADER}: ID`; another ID begins another scenario |
| control plane | `POST /__admin/scenarios` with `{{"scenario": ID, "api_key": KEY}}`, or a whole scenario for ID |

`GET /__admin/scenarios?api_key=KEY` says what is being played and what its faults have struck,
`GET /__admin/scenarios/verdict?api_key=KEY` what came of it, `DELETE /__admin/scenarios?api_key=KEY` ends it.

Each scenario has a test in which a real client meets it (client_tests/scenarios). `make soak` plays all of them at the
same time, 200 times, with a client that gives everything up after a moment.

## Files of your own

`tinker-mock scenario new ID` writes one that is valid as it is, with comments; `run` and `serve --scenario` take its
path, and `--scenarios DIR` a folder of them. Editors complete and check them by
[schema.json](../contracts/scenarios/schema.json); what is wrong is told with its line. Faults are rules as the control
plane takes them. What is expected of a client beside every MUST of the contract:

| Expectation | Kept when |
| --- | --- |
| `wire: {{check: ID}}` | the check held wherever it had a say, and had one in `count` exchanges (at least 1) |
| `wire: {{check: ID, fails: true}}` | the check found something, in `count` exchanges |
| `wire: {{operation: ID, answered: 503}}` | there were `count` such exchanges; any expectation of the journal will do |
| `wire: {{operation: ID, distinct: seq_id}}` | they had `count` different seq_ids (`idempotency_key`, `run`, `batch`) |
| `wire: {{operation: ID, again: true}}` | `count` requests said what an earlier one had said, under another number |
| `state: {{run: $first}}` | the run has these `optimizer_steps` and `checkpoints`, and is `corrupted` or not |
| `state: {{checkpoint: $each}}` | it holds these `optimizer_steps`, its name says them (`named`), or it `exists` |
| `state: {{runs: 1}}` | the tenant has so many `runs`, `sessions`, `samplers`, `checkpoints`, `unfinished` operations |
| `client: {{outcome: completes}}` | the program ended with success; `reports`: it failed; `ends`: it did not hang |
| `client: {{says: [text]}}` | its output holds the text |

An amount is a number, `{{at_least: 1, at_most: 5}}` or `told`: as many as the client was told of. Runs and checkpoints
are `$first`, `$last`, `$2` in the order of their making, `$each`, or an id.

## The catalogue
"""


def scenarios_page(generated: str) -> str:
    """How scenarios are used and written, and all that come with the server. generated: the line that says so."""
    every = list(Library(catalogue()))
    head, rest = _INTRODUCTION.split("\n", 1)
    rows = [
        (f"[{each.id}](#{each.id})", each.title, ", ".join(filter(None, (each.incident, *each.source))))
        for each in every
    ]
    listed = table(("Scenario", "What happens", "Source"), rows)
    sections = [line for each in every for line in _section(each)]
    return "\n".join((head, generated + rest, f"{len(every)} scenarios.", "", *listed, "", *sections))


def _section(scenario: Scenario) -> Iterator[str]:
    yield f"### {scenario.id}"
    yield ""
    yield f"{scenario.title}."
    yield ""
    yield f"- The server: {' '.join(scenario.happens.split())}"
    yield f"- A good client: {' '.join(scenario.good_client.split())}"
    for rule in scenario.faults:
        yield f"- Fault: {rule_in_words(rule)}"
    for name, expected in (("Wire", scenario.expect.wire), ("State", scenario.expect.state)):
        for each in expected:
            yield f"- {name}: {each}"
    yield f"- Client: {scenario.expect.client}"
    named = (requirements()[each] for each in scenario.requirements)
    yield f"- Requirements: {', '.join(f'{each.id} ({each.side})' for each in named)}"
    yield ""
