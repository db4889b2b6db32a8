"""What the server keeps of programs, with every version of the official SDK: runs, sessions, audit, usage, traces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from client_tests.versions.matrix import lives

if TYPE_CHECKING:
    import httpx

    from client_tests.harness.sdk import Sdk


@lives("runs")
def test_runs_are_listed_in_pages_with_their_last_checkpoints(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        first, second = (kit.trainer(service_client, rank=rank) for rank in (2, 3))
        path = second.save_state("one").result().path
        sampler = second.save_weights_for_sampler("two").result().path
        rest = kit.rest(service_client)
        runs = rest.list_training_runs().result().training_runs
        page = rest.list_training_runs(limit=1, offset=1).result().training_runs
        one = rest.get_training_run(first.get_info().model_id).result()
        by_path = rest.get_training_run_by_tinker_path(path).result()
        last = [runs[0].last_checkpoint.tinker_path == path, runs[0].last_sampler_checkpoint.tinker_path == sampler]
        return [[run.lora_rank for run in (*runs, *page, one, by_path)], last, runs[1].last_checkpoint]

    assert sdk.run(program) == [[3, 2, 2, 2, 3], [True, True], None]


@lives("run_metadata")
def test_a_run_keeps_what_its_owner_says_of_it(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        kit.trainer(service_client, user_metadata={"purpose": "tide"})
        (run,) = kit.rest(service_client).list_training_runs().result().training_runs
        return [run.user_metadata, run.base_model, run.is_lora, run.corrupted]

    assert sdk.run(program) == [{"purpose": "tide"}, "Qwen/Qwen3-8B", True, False]


@lives("sessions")
def test_a_session_knows_its_runs_and_samplers(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        run = kit.trainer(service_client).get_info().model_id
        kit.client(service_client.create_sampling_client(base_model=kit.BASE_MODEL))
        rest = kit.rest(service_client)
        session = service_client.holder.get_session_id()
        found = rest.get_session(session).result()
        listed = rest.list_sessions().result().sessions
        return [listed == [session], list(found.training_run_ids) == [run], len(found.sampler_ids)]

    assert sdk.run(program) == [True, True, 1]


@lives("sampler")
def test_a_sampler_says_which_weights_it_has(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        path = kit.trainer(service_client).save_weights_for_sampler("one").result().path
        kit.client(service_client.create_sampling_client(model_path=path))
        rest = kit.rest(service_client)
        (sampler,) = rest.get_session(service_client.holder.get_session_id()).result().sampler_ids
        found = rest.get_sampler(sampler).result()
        return [found.sampler_id == sampler, found.base_model, found.model_path == path]

    assert sdk.run(program) == [True, "Qwen/Qwen3-8B", True]


@lives("project")
def test_a_session_is_assigned_to_a_project(sdk: Sdk, http: httpx.Client) -> None:
    def program(service_client: Any, kit: Any) -> None:
        kit.trainer(service_client)
        kit.rest(service_client).assign_session_project(service_client.holder.get_session_id(), "project-7").result()

    sdk.run(program)
    # By raw HTTP: the first SDKs with it can't ask for a project's runs.
    runs = [http.get("training_runs", params={"project_id": f"project-{n}"}).json()["training_runs"] for n in (7, 8)]
    assert [len(each) for each in runs] == [1, 0]


@lives("audit")
def test_the_audit_log_shows_the_checkpoints_that_were_made(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        path = kit.trainer(service_client).save_state("one").result().path
        entries = kit.rest(service_client).get_audit_log("checkpoints").result().entries
        return [[entry.event, entry.tinker_path == path] for entry in entries]

    assert sdk.run(program) == [["checkpoint_create", True]]


@lives("billing")
def test_billing_shows_the_tokens_that_were_trained(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> Any:
        from datetime import UTC, datetime, timedelta

        kit.steps(kit.trainer(service_client), 2)
        hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        usage = kit.rest(service_client).get_billing_usage(hour, hour + timedelta(hours=2)).result()
        return sum(each.event_info.token_count for each in usage.data if each.event_info.type == "training")

    assert sdk.run(program) == 2 * 23


@lives("storage")
def test_the_storage_held_is_that_of_the_checkpoints(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[Any]:
        kit.trainer(service_client).save_state("one").result()
        rest = kit.rest(service_client)
        (saved,) = rest.list_user_checkpoints().result().checkpoints
        held = rest.get_current_checkpoint_storage_usage().result().data
        return [[each.checkpoint_count, each.size_bytes == saved.size_bytes] for each in held]

    assert sdk.run(program) == [[1, True]]


@lives("trace")
def test_a_sessions_trace_shows_its_operations(sdk: Sdk) -> None:
    def program(service_client: Any, kit: Any) -> list[str]:
        import json
        from urllib.request import urlopen

        kit.steps(kit.trainer(service_client), 1)
        url = kit.rest(service_client).export_session_trace(service_client.holder.get_session_id()).result()
        with urlopen(url) as answer:
            return [event["name"] for event in json.load(answer)["traceEvents"] if event["ph"] == "b"]

    assert sdk.run(program) == ["create_model", "forward_backward", "optim_step"]


@lives("search")
def test_sessions_are_found_by_their_metadata(sdk: Sdk) -> None:
    def program(tinker: Any, kit: Any) -> list[Any]:
        service_clients = [tinker.ServiceClient(user_metadata={"purpose": purpose}) for purpose in ("tide", "wind")]
        sessions = []
        for service_client in service_clients:
            kit.trainer(service_client)
            sessions.append(service_client.holder.get_session_id())
        query = tinker.types.SessionSearchRequest(user_metadata={"purpose": "wind"})
        found = kit.rest(service_clients[0]).search_sessions(query).result().sessions
        for service_client in service_clients:
            kit.close(service_client)
        return [[each.session_id for each in found], sessions]

    found, sessions = sdk.run(program)
    assert found == sessions[1:]
