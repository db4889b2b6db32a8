"""The page about faults: every effect with its phases, its parameters and a rule that uses it."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import yaml

from docs.table import table
from mock_server.faults import FaultRule
from mock_server.faults.registry import EFFECTS, PHASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic import BaseModel

    from mock_server.faults.registry import Effect, Phase

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "accept": {"operation": "retrieve_future", "polled": "forward_backward", "on": 2},
    "close": {"operation": "save_weights", "phase": "after_commit", "on": 1},
    "content_type": {"operation": "retrieve_future", "effect": {"content_type": {"media_type": "text/plain"}}},
    "cut_chunk": {"operation": "retrieve_future", "effect": {"cut_chunk": {"bytes": 100}}, "on": 1},
    "delay": {"operation": "forward_backward", "effect": {"delay": {"seconds": 30}}, "on": 3},
    "drop_moments": {"operation": "load_weights"},
    "dribble": {"operation": "download", "effect": {"dribble": {"bytes": 4096, "seconds": 0.5}}},
    "expire_checkpoint": {"operation": "optim_step", "on": 5, "effect": {"expire_checkpoint": {"checkpoint": "$last"}}},
    "expire_promise": {"operation": "optim_step", "on": 2},
    "expire_session": {"operation": "optim_step", "on": 4},
    "fail": {"operation": "optim_step", "effect": {"fail": {"message": "no GPU left", "category": "user"}}, "on": 1},
    "false_failure": {"operation": "load_weights", "effect": {"false_failure": {"polls": 1}}},
    "finish_twice": {"operation": "asample", "every": 3},
    "flag_corrupted": {"operation": "optim_step", "run": "$first", "on": 3},
    "flip_bit": {"operation": "save_weights", "effect": {"flip_bit": {"noticed": False}}},
    "garbage": {"operation": "retrieve_future", "polled": "optim_step", "on": 1},
    "gradient_twice": {"operation": "forward_backward", "on": 2},
    "hang": {"operation": "optim_step", "phase": "after_commit", "effect": {"hang": {"seconds": 60}}, "on": 2},
    "heartbeat_lost": {"operation": "session_heartbeat"},
    "hostile_member": {"operation": "save_weights", "effect": {"hostile_member": {"member": "symlink"}}},
    "invalid_json": {"operation": "create_session", "on": 1},
    "invalid_protobuf": {"operation": "retrieve_future", "polled": "forward_backward", "answered": 200, "on": 1},
    "latency": {"effect": {"latency": {"seconds": 0.2, "spread": "lognormal"}}, "probability": 0.1},
    "lose_file": {"operation": "save_weights", "checkpoint": "step-20"},
    "lose_row": {"operation": "save_weights", "on": 2},
    "lose_weights": {"operation": "optim_step", "on": 10},
    "missing_field": {"operation": "create_model", "effect": {"missing_field": {"field": "model_id"}}},
    "mistyped_field": {"operation": "retrieve_futures", "effect": {"mistyped_field": {"field": "cursor", "value": 0}}},
    "not_finite": {
        "operation": "retrieve_future",
        "polled": "forward_backward",
        "effect": {"not_finite": {"field": "metrics.loss:sum"}},
    },
    "out_of_order": {"operation": "forward_backward", "effect": {"out_of_order": {"behind": 2}}, "on": 1},
    "pause": {
        "operation": "asample",
        "effect": {"pause": {"state": "paused_rate_limit", "reason": "quota", "seconds": 3600}},
    },
    "perturb_weights": {"operation": "optim_step", "when": "before", "on": 3},
    "relabel": {"operation": "optim_step", "on": 21, "effect": {"relabel": {"checkpoint": "step-20"}}},
    "reset": {"operation": "download", "phase": "in_body", "effect": {"reset": {"after_seconds": 322}}},
    "restart": {"operation": "optim_step", "on": 3},
    "rewind": {"operation": "optim_step", "on": 5, "effect": {"rewind": {"steps": 2}}},
    "stale": {"operation": "list_user_checkpoints", "effect": {"stale": {"seconds": 60}}},
    "status": {
        "operation": "forward_backward",
        "effect": {"status": {"status": 429, "retry_after": 2, "retry_after_as": "date"}},
        "first": 2,
    },
    "step_twice": {"operation": "optim_step", "on": 2},
    "stuck": {"operation": "asample", "sampler": "$2"},
    "truncate": {"operation": "retrieve_future", "effect": {"truncate": {"bytes": 20}}, "on": 1},
    "truncate_archive": {"operation": "save_weights", "effect": {"truncate_archive": {"part": 0.9}}},
    "url_expires": {"operation": "get_archive_url", "effect": {"url_expires": {"seconds": 5}}},
    "url_forged": {"operation": "get_external_weights_urls", "on": 1},
    "wrong_checksum": {"operation": "save_weights", "effect": {"wrong_checksum": {"of": "archive"}}},
    "wrong_length": {
        "operation": "retrieve_future",
        "polled": "sample",
        "effect": {"wrong_length": {"field": "sequences.0.logprobs"}},
    },
}
"""A rule for each effect; the phase is its first, the effect its name alone, where none is given."""

_WORDS: Final = {
    "integer": "integer",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "object": "map",
    "array": "list",
}
_BOUNDS: Final = {
    "exclusiveMinimum": "above",
    "minimum": "at least",
    "exclusiveMaximum": "below",
    "maximum": "at most",
}
_HEAD: Final = """
A fault is a rule: which calls it strikes, which of those, and what it does to them. Scenario files hold such rules, the
control plane takes them (`POST /__admin/faults`, [control plane](control-plane.md)), and what is stored can also be
corrupted at once: `POST /__admin/corruptions` takes `{"effect": {"flip_bit": {"checkpoint": "$last"}}, "api_key": …}`.

Answers that a fault touched say so in `x-tinker-mock-fault`, unless its rule is `silent`; the journal tells of all.
A fault that finds nothing to act on (a field that the answer does not have) changes nothing and is counted as `missed`.
Time, wherever a fault takes some, is that of the tenant's clock.

Ids that a scenario can't know have placeholders: `$first`, `$2` and so on, `$last` are the tenant's training runs,
sessions, samplers or checkpoints in the order of their making.
"""


def faults_page(generated: str) -> str:
    """How rules are written, and all effects by their phases."""
    lines = ["# Faults", generated.strip(), *_HEAD.splitlines(), "", "## Rules", ""]
    lines += _parameters(FaultRule)
    phases = [(phase, told, ", ".join(_effects_in(phase))) for phase, told in PHASES.items()]
    lines += ["", "## Phases", "", *table(("Phase", "When it acts", "Effects"), phases)]
    lines += ["", "## Effects", ""]
    return "\n".join([*lines, *chain.from_iterable(map(_section, sorted(EFFECTS)))])


def _effects_in(phase: Phase) -> Iterator[str]:
    return (f"[{name}](#{name})" for name, effect in sorted(EFFECTS.items()) if phase in effect.phases)


def rule_of(name: str) -> dict[str, Any]:
    """The example rule of an effect, whole."""
    return {"phase": EFFECTS[name].phases[0], "effect": name, **EXAMPLES[name]}


def _section(name: str) -> Iterable[str]:
    effect: type[Effect] = EFFECTS[name]
    yield from (f"### {name}", "", " ".join((effect.__doc__ or "").split()), "")
    yield from (f"Phases: {', '.join(effect.phases)}.", "")
    if effect.model_fields:
        yield from (*_parameters(effect), "")
    shown = yaml.safe_dump([rule_of(name)], default_flow_style=None, sort_keys=False, width=110).rstrip()
    shown = shown.replace("'on':", "on:")  # quoted by YAML 1.1, to which it is a boolean; scenarios are read as 1.2
    yield from ("```yaml", shown, "```", "")


def _parameters(model: type[BaseModel]) -> list[str]:
    schema = model.model_json_schema()
    rows = []
    for name, field in schema["properties"].items():
        default = "required" if name in schema.get("required", ()) else _shown(field.get("default"))
        rows.append((f"`{name}`", _kind(field), default, field.get("description", "")))
    return table(("Parameter", "Type", "Default", "Meaning"), rows)


def _shown(default: Any) -> str:
    return "" if default is None else f"`{yaml.safe_dump(default, default_flow_style=True).splitlines()[0]}`"


def _kind(schema: Mapping[str, Any]) -> str:
    """A type with its bounds."""
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"] if option.get("type") != "null")
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    kind = _WORDS.get(str(schema.get("type")), "anything")
    if kind == "list":
        kind = f"list of {_kind(schema['items'])}"
    return ", ".join([kind, *(f"{told} {schema[sign]:g}" for sign, told in _BOUNDS.items() if sign in schema)])
