"""The page about the contract: what is required, and which checks tell."""

from __future__ import annotations

from itertools import groupby

from contracts.requirements import PROFILES, Requirement, requirements
from docs.table import table


def contract_page() -> str:
    """How to judge a server or a client, and every requirement with its checks."""
    every = list(requirements().values())
    lines = [
        "# The contract",
        "<!-- Written by `make docs` from contracts/requirements.yaml; edit that instead. -->",
        "",
        "[openapi.yaml](../openapi.yaml) says what a server of the Tinker API answers; the requirements below say what",
        "servers and clients must (MUST) and should (SHOULD) do beyond the form of single answers.",
        "",
        "`tinker-mock check server URL` plays recorded real clients against any server (official SDK 0.3 to 0.38,",
        "Tinkex 0.4.0), asks it questions of its own, sends requests generated from openapi.yaml, valid and invalid,",
        "and holds every answer to openapi.yaml, to the recording, and to the checks below. It needs the URL and a key",
        "or two, and no access to the server's inside.",
        "`tinker-mock proxy --upstream URL` judges a client, and the server behind it, while they talk;",
        "`tinker-mock check exchanges FILE` judges a HAR file or JSON lines. With the setting `observe` this server",
        "watches its own exchanges. All hold exchanges to the same checks.",
        "",
        "Each check is known to catch something: a broken server ([mutants.md](mutants.md)), or exchanges in a test.",
    ]
    for profile, group in groupby(sorted(every, key=lambda each: list(PROFILES).index(each.profile)), _profile):
        rows = [(each.id, each.keyword, each.text, _named(each)) for each in group]
        lines += ["", f"## {profile}: {PROFILES[profile]}", ""]
        lines += table(("Requirement", "", "What", "Checks"), rows)
    return "\n".join([*lines, ""])


def _profile(requirement: Requirement) -> str:
    return requirement.profile


def _named(requirement: Requirement) -> str:
    return ", ".join(f"`{check}`" for check in requirement.checks)
