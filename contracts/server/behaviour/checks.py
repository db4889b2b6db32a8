"""The names under which this part reports: what must hold in every sequence of requests."""

from __future__ import annotations

from typing import Final

from contracts.verdicts import CHECKS, Check

BEHAVIOUR: Final[list[str]] = []
"""Their ids, in the order of the report."""


def _named(id: str, requirement: str, title: str) -> str:  # noqa: A002 - as in verdicts
    CHECKS.register(Check(id, requirement, "behaviour", title))
    BEHAVIOUR.append(id)
    return id


SOUND: Final = _named("sound-requests-succeed", "OPS-SUCCEED", "What is asked rightly is accepted and succeeds.")

# What a run's numbers tell.
EQUAL: Final = _named(
    "equal-histories-equal-numbers",
    "TRN-REPRODUCIBLE",
    "Runs of one base model, rank, seed and history have the same numbers.",
)
TRAINED: Final = _named(
    "trained-differs-from-untrained", "TRN-LOSS-FALLS", "A few steps change what a run tells of its data."
)
ONCE: Final = _named(
    "repeats-count-once", "SEQ-APPLIED-ONCE", "A run with repeated submissions has the numbers of one without."
)
SAME_ID: Final = _named(
    "repeat-gets-the-first-request-id",
    "SEQ-NEW-KEY",
    "A repeat, at any time and under any idempotency key, gets the request id of the first submission.",
)
AT_ONCE: Final = _named(
    "concurrent-submissions-count-once",
    "SEQ-APPLIED-ONCE",
    "Submissions that arrive at the same moment, some of them twice, count once each and in their order.",
)
ORDER: Final = _named(
    "arrival-order-changes-nothing",
    "SEQ-ORDER",
    "A run whose submissions arrived in disorder has the results of one where they came in order.",
)
WOKEN: Final = _named(
    "poll-ahead-is-answered",
    "POLL-WAKES",
    "A poll that waits for an operation behind a gap is answered when the gap is filled.",
)
USED: Final = _named(
    "run-goes-on-behind-refusals", "SEQ-REFUSED-CONSUMED", "A run goes on behind a submission that was refused."
)
CONFLICT: Final = _named(
    "reused-number-changes-nothing",
    "SEQ-CONFLICT-409",
    "Another request under a used seq_id is refused with 409, and the run goes on unharmed.",
)
FAILED: Final = _named(
    "failed-operation-changes-nothing", "SEQ-FAILED-GOES-ON", "A run goes on behind an operation that failed."
)
FORWARD: Final = _named("forward-changes-nothing", "TRN-FORWARD-PURE", "A forward pass leaves no trace in a run.")

# Results.
POLLS: Final = _named(
    "every-poll-is-told-the-same", "POLL-ALL", "Whoever asks for a result gets it: at once, twice, or beside another."
)

# What is made once.
MADE_ONCE: Final = _named(
    "repeated-creation-makes-one-run", "MOD-SAME", "A repeated creation gets the run of the first one."
)

# Checkpoints.
MOMENT: Final = _named(
    "loaded-numbers-are-those-saved",
    "CKP-CONTENT",
    "What is loaded from a checkpoint has the numbers of the run at the seq_id of the save.",
)
RESTORED: Final = _named(
    "restored-run-goes-on",
    "CKP-OPTIMIZER",
    "A run that was restored trains on as the saved one would: with its optimizer, or with a fresh one.",
)
NAME: Final = _named(
    "taken-name-keeps-its-checkpoint",
    "CKP-NAME-TAKEN",
    "A save under a name that is taken fails, and the first checkpoint stays what it was.",
)
LISTS: Final = _named(
    "checkpoint-lists-are-true",
    "CKP-LISTED",
    "The lists of checkpoints show what was saved and not deleted, each as published as it is.",
)
LIFETIME: Final = _named(
    "lifetime-is-listed", "CKP-TTL-SET", "A checkpoint has an expiry in the lists from when it was set till removed."
)
DELETED: Final = _named(
    "deleted-checkpoint-is-unusable", "CKP-DELETED", "A deleted checkpoint can't be read, loaded or sampled from."
)
EXPIRED: Final = _named(
    "expired-checkpoint-is-gone", "CKP-EXPIRED", "A checkpoint whose lifetime is over is gone like a deleted one."
)
PUBLIC: Final = _named(
    "published-is-readable-until-withdrawn",
    "CKP-PUBLISH",
    "Strangers may read a checkpoint while it is published, not before and not afterwards.",
)

# Samplers.
SAMPLER: Final = _named(
    "sampler-sees-its-save",
    "SAM-WEIGHTS",
    "A sampler has the weights of the moment of its save, whatever was trained, saved or deleted since.",
)
ALIKE: Final = _named(
    "equal-samplers-draw-alike", "SAM-SEED", "Samplers of equal weights draw the same, greedily or with the same seed."
)
CANCEL: Final = _named(
    "cancelled-sample-has-one-end", "CANCEL-OK", "A sample that is cancelled ends once, and its polls agree how."
)

# Sessions and tenants.
ALIVE: Final = _named(
    "session-lives-until-finished", "SES-BEAT-GONE", "A session's heartbeat is answered until it is finished, then 410."
)
CONTENT: Final = _named(
    "session-names-what-it-made", "SES-GET", "A session names the runs and the samplers that were made in it."
)
HIDDEN: Final = _named(
    "no-stranger-finds-anything",
    "TEN-INVISIBLE",
    "Another tenant's runs, sessions, samplers and checkpoints are unknown.",
)
RESULTS: Final = _named("no-stranger-gets-results", "TEN-POLL", "Another tenant's request ids are unknown.")
WRITES: Final = _named(
    "no-stranger-changes-anything", "TEN-WRITE", "Nobody trains, samples, publishes, dates or deletes another's things."
)
OWN_LISTS: Final = _named("lists-hold-only-ones-own", "TEN-LISTS", "No list shows what belongs to somebody else.")

# The server's own life.
RESTART: Final = _named(
    "acknowledged-survives-restart",
    "DUR-RESTART",
    "After a restart everything that was acknowledged is there: operations, results, checkpoints, samplers.",
)

SUSPECTS: Final = (AT_ONCE, ORDER, ONCE, CONFLICT, USED, FAILED, NAME, MOMENT, FORWARD)
"""What a wrong number or outcome is put down to, the first of them that happened: shrinking leaves few."""
STRANGERS: Final = (PUBLIC, HIDDEN, RESULTS, WRITES, OWN_LISTS)
"""What takes a second tenant."""
