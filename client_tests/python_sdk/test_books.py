"""What the SDK shows of usage, audit, sessions and traces is what its programs did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client_tests.harness.sdk import Sdk


def test_billing_shows_the_tokens_that_a_program_used(sdk: Sdk) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
        import os
        from datetime import UTC, datetime, timedelta

        trainer = kit.trainer(service_client)
        kit.steps(trainer, 2)
        sampler = trainer.save_weights_and_get_sampling_client()
        sampler.sample(prompt=kit.prompt(), num_samples=2, sampling_params=kit.greedy(5)).result()
        trainer.save_state("kept", user_metadata={"kind": "kept"}).result()

        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        admin = tinker.AdminClient(base_url=os.environ["TINKER_BASE_URL"], api_key=os.environ["TINKER_API_KEY"])
        usage = admin.get_billing_usage(hour, hour + timedelta(hours=2)).result()
        sums: dict[str, float] = {}
        for event in usage.data:
            info = event.event_info
            amount = getattr(info, "token_count", None) or getattr(info, "count", None) or info.gigabyte_hours
            sums[info.type] = sums.get(info.type, 0) + amount
        held = admin.get_current_checkpoint_storage_usage().result().data
        audit = admin.get_audit_log("checkpoints").result().entries
        saved = kit.rest(service_client).list_user_checkpoints().result().checkpoints
        return {
            "sums": sums,
            "held": [(each.checkpoint_count, each.size_bytes) for each in held],
            "listed": [(each.size_bytes, each.user_metadata) for each in saved],
            "audit": [(entry.event, entry.tinker_path) for entry in audit],
            "path": saved[0].tinker_path,
        }

    seen = sdk.run(program)
    assert seen["sums"].pop("storage") > 0
    assert seen["sums"] == {"training": 2 * 23, "sampling_prefill": 24, "sampling_sample": 10, "checkpoint": 1}
    assert [metadata for _, metadata in seen["listed"]] == [{"kind": "kept"}]
    assert seen["held"] == [[1, seen["listed"][0][0]]]
    assert seen["audit"] == [["checkpoint_create", seen["path"]]]


def test_sessions_are_found_moved_and_traced(sdk: Sdk) -> None:
    def program(service_client: Any, tinker: Any, kit: Any) -> dict[str, Any]:
        import json
        import urllib.request

        trainer = kit.trainer(service_client)
        kit.steps(trainer, 1)
        session_id = service_client.holder.get_session_id()
        rest = kit.rest(service_client)
        rest.assign_session_project(session_id, "project-7").result()
        found = rest.search_sessions(
            tinker.types.SessionSearchRequest(
                project_ids=["project-7"], statuses=[tinker.types.ActiveSessionStatusQuery()], limit=1
            )
        ).result()
        runs = rest.list_training_runs(project_id="project-7", access_scope="accessible").result().training_runs
        with urllib.request.urlopen(rest.export_session_trace(session_id).result()) as answer:
            trace = json.load(answer)
        return {
            "session": session_id,
            "found": [(each.session_id, each.project_id, each.status.type) for each in found.sessions],
            "next": found.next_cursor,
            "runs": [run.training_run_id for run in runs],
            "trace": [event["name"] for event in trace["traceEvents"] if event["ph"] == "b"],
        }

    seen = sdk.run(program)
    assert seen["found"] == [[seen["session"], "project-7", "active"]]
    assert seen["next"] is None
    assert seen["runs"] == [f"{seen['session']}:train:0"]
    assert seen["trace"] == ["create_model", "forward_backward", "optim_step"]


def test_a_published_run_is_accessible_and_a_private_checkpoint_opens_with_its_token(sdk: Sdk, key: str) -> None:
    def owner(service_client: Any, kit: Any) -> dict[str, str]:
        trainer = kit.trainer(service_client)
        kit.steps(trainer, 1)
        public, private = (trainer.save_state(name).result().path for name in ("public", "private"))
        kit.rest(service_client).publish_checkpoint_from_tinker_path(public).result()
        return {"public": public, "private": private}

    def stranger(service_client: Any, kit: Any, public: str, private: str, token: str) -> dict[str, Any]:
        rest = kit.rest(service_client)
        refused = kit.raised(lambda: service_client.create_training_client_from_state(private).result())
        wrong = kit.raised(
            lambda: service_client.create_training_client_from_state(private, weights_access_token="tml-no").result()
        )
        opened = service_client.create_training_client_from_state(private, weights_access_token=token).result()
        copied = rest.copy_weights(private, destination_project_id="p", weights_access_token=token).result()
        return {
            "owned": kit.raised(lambda: rest.get_training_run_by_tinker_path(public).result())["status"],
            "accessible": rest.get_training_run_by_tinker_path(public, access_scope="accessible")
            .result()
            .last_checkpoint.tinker_path,
            "refused": [refused["status"], wrong["status"]],
            "opened": opened.get_info().model_data.model_name,
            "copied": copied,
        }

    paths = sdk.run(owner)
    seen = sdk.as_tenant(f"{key}-other").run(stranger, token=key, **paths)
    assert (seen["owned"], seen["accessible"]) == (404, paths["public"])
    assert seen["refused"] == [404, 404]
    assert seen["opened"] == "Qwen/Qwen3-8B"
    assert seen["copied"].startswith("tinker://")
