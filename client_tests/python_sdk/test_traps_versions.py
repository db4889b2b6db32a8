"""Two releases of the SDK at work for one tenant: each understands what the other leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from client_tests.harness.sdk import Sdk

if TYPE_CHECKING:
    from collections.abc import Callable

    from client_tests.harness.sdk import Runner


def export(service_client: Any, kit: Any) -> str:
    """Five checkpoints of a run, three of which are external weights."""
    training = kit.trainer(service_client)
    for name in ("one", "two", "three"):
        training.save_weights_external(name).result()
    training.save_state("state").result()
    training.save_weights_for_sampler("sampler").result()
    return str(training.model_id)


def pages(service_client: Any, kit: Any, run: str) -> dict[str, Any]:
    """All that a list shows page by page, what it says is the total, and the list of the run."""
    rest = kit.rest(service_client)
    found, totals, size = [], set(), 2
    for offset in range(0, 10, size):
        page = rest.list_user_checkpoints(limit=size, offset=offset).result()
        found += [each.checkpoint_id for each in page.checkpoints]
        totals.add(page.cursor.total_count)
    of_run = rest.list_checkpoints(run).result().checkpoints
    return {"found": found, "totals": list(totals), "of_run": [each.checkpoint_id for each in of_run]}


@pytest.mark.trap(16)
@pytest.mark.parametrize(("version", "external"), [("0.25.0", False), ("0.28.0", True)])
def test_a_release_is_told_of_external_weights_if_it_knows_them(
    sdk: Sdk, runner_of: Callable[[str], Runner], version: str, external: bool
) -> None:
    run = sdk.run(export)
    seen = Sdk(runner_of(version), sdk.url, sdk.key).run(pages, run=run)
    expected = ["sampler_weights/sampler", "weights/state"]
    if external:
        expected += [f"external_weights/{name}" for name in ("three", "two", "one")]
    assert seen == {"found": expected, "totals": [len(expected)], "of_run": expected}
