"""What Tinkex 0.4.0 needs of a server and meets at one, line by line; every line has a test that is marked with it."""

from __future__ import annotations

from typing import Final

NEEDS: Final = {
    "need 1": "results carry `type`",
    "need 2": "a failed operation is a status and a map",
    "need 3": "no final failure of category server where it would be asked for again for ever",
    "need 4": "create_model answers model_id at once",
    "need 5": "gaps and inversions of seq_ids are taken",
    "need 6": "a model_seq_id is used again after a failed restore",
    "need 7": "sampler numbers of two kinds collide",
    "need 8": "an unnamed save for a sampler can be sampled from",
    "need 9": "nulls in every optional field",
    "need 10": "JSON in, JSON out",
    "need 11": "errors say `message`",
    "need 12": "archives are plain tars, fetched without headers and redirects",
    "need 13": "answers within five seconds",
    "need 14": "no NaN in JSON",
}
POLLING: Final = {
    "poll try_again": "request_id and queue_state are there",
    "poll pending": "another server's word for not yet",
    "poll metadata": "complete_metadata is followed by the payload",
    "poll completed": "another server's wrapper",
    "poll typed": "any body with a type is the result",
    "poll failed": "user fails at once, server is asked again",
    "poll else": "anything else crashes",
    "poll 408": "asked again at once",
    "poll 400": "empty ones three times",
    "poll 410": "expired",
    "poll 429": "terminal",
    "poll cut": "asked again after a pause",
}
RECOVERY: Final = {
    "paths": "three parts, two kinds",
    "run": "what is read of a training run",
    "recover": "success",
    "recover poll errors": "two poll errors, then success",
    "recover once failed": "one failed attempt, then success with the same model_seq_id",
    "recover exhausted": "three failed attempts",
    "recover nothing": "no checkpoint",
    "recover invisible": "one 500 that the HTTP layer hides",
    "recover hang": "a load that never ends",
}
ARCHIVES: Final = {"archive url": "redirect or JSON", "archive load": "plain GET", "archive unpack": "plain tar"}
SCENARIOS: Final = {f"scenario {number}": f"row {number} of its failure scenarios" for number in range(1, 43)}
LINES: Final = {**NEEDS, **POLLING, **RECOVERY, **ARCHIVES, **SCENARIOS}
