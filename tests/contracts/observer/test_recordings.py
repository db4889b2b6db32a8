"""Real clients, as they were recorded, break no rule."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from contracts.capture import exchange_of
from contracts.observer import Observer
from contracts.observer.described import Described
from contracts.recorded import RECORDINGS
from contracts.tally import requirement_of

if TYPE_CHECKING:
    from contracts.exchange import Exchange

FOLDER = Path(__file__).parents[3] / "contracts" / "recordings"


def captures(recording: str) -> dict[str, list[Exchange]]:
    """The exchanges of each client, captured against a server of its own."""
    found: dict[str, list[Exchange]] = defaultdict(list)
    for number, text in enumerate((FOLDER / f"{recording}.jsonl").read_text().splitlines(), 1):
        line = json.loads(text)
        found[f"{line['client']} {line.get('capture', '')}"].append(exchange_of(line, number))
    return found


# The capture programs meant to do these things; their servers had no memory for names.
MEANT = {"deleted-is-not-used", "finished-is-not-used"}


@pytest.mark.parametrize("recording", RECORDINGS)
def test_no_recorded_client_breaks_a_rule_for_clients(recording: str) -> None:
    broken = [
        f"{client}: {finding.check} {finding.evidence} {finding.exchanges[-1]}"
        for client, exchanges in captures(recording).items()
        for observer in [Observer(Described())]
        for exchange in exchanges
        for finding in observer.see(exchange)
        if not finding.passed and requirement_of(finding.check).side == "client" and finding.check not in MEANT
    ]
    assert broken == []
