"""What a training program can do with the official SDK, and which releases of it know how.

Source: the SDK's own public names. test_table.py holds each line against every SDK, in both directions, and each
feature has a test that lives it with every SDK that has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from client_tests.harness.environments import VERSIONS


@dataclass(frozen=True)
class Feature:
    """What it is for, the public name that only SDKs with it have, and the first and last of VERSIONS with it.

    A name is `Class.method`, or `Class.method(parameter)` where an older SDK has the method without it.
    """

    does: str
    name: str
    first: str = VERSIONS[0]
    last: str = VERSIONS[-1]

    def is_in(self, version: str) -> bool:
        return VERSIONS.index(self.first) <= VERSIONS.index(version) <= VERSIONS.index(self.last)


FEATURES: Final = {
    "capabilities": Feature("see the base models", "ServiceClient.get_server_capabilities"),
    "info": Feature("describe a model", "TrainingClient.get_info"),
    "train": Feature("train", "TrainingClient.forward_backward"),
    "forward": Feature("forward", "TrainingClient.forward"),
    "load": Feature("save and load", "TrainingClient.load_state"),
    "load_optimizer": Feature("load with the optimizer", "TrainingClient.load_state_with_optimizer", first="0.6.0"),
    "restore": Feature("a new run from a checkpoint", "ServiceClient.create_training_client_from_state"),
    "restore_optimizer": Feature(
        "a new run with the optimizer",
        "ServiceClient.create_training_client_from_state_with_optimizer",
        first="0.10.0",
    ),
    "sample": Feature("sample", "TrainingClient.save_weights_for_sampler"),
    "ephemeral": Feature("sample without a checkpoint", "TrainingClient.save_weights_and_get_sampling_client"),
    "base": Feature("sample a base model", "ServiceClient.create_sampling_client(base_model)"),
    "prompt_logprobs": Feature("log-probabilities of a prompt", "SamplingClient.compute_logprobs"),
    "topk_prompt": Feature("top k of a prompt", "SamplingClient.sample(topk_prompt_logprobs)"),
    "topk_sample": Feature("top k of a sample", "SamplingClient.sample(topk_sample_logprobs)", first="0.30.0"),
    "target_prompt": Feature(
        "log-probabilities of given tokens", "SamplingClient.sample(target_prompt_logprobs)", first="0.30.0"
    ),
    "alternatives": Feature("alternatives to a prompt", "SamplingClient.sample(prompt_alt_tokens_k)", first="0.33.0"),
    "handle": Feature("share a sampler", "SamplingClient.get_sampler_handle", first="0.33.0"),
    "tokenizer": Feature("a run's tokenizer", "TrainingClient.get_tokenizer"),
    "sampler_tokenizer": Feature("a sampler's tokenizer", "SamplingClient.get_tokenizer", first="0.10.0"),
    "runs": Feature("list runs", "RestClient.list_training_runs"),
    "run_metadata": Feature("metadata of a run", "ServiceClient.create_lora_training_client(user_metadata)"),
    "checkpoints": Feature("list a run's checkpoints", "RestClient.list_checkpoints"),
    "all_checkpoints": Feature("list all checkpoints", "RestClient.list_user_checkpoints", first="0.6.0"),
    "sessions": Feature("list sessions", "RestClient.list_sessions", first="0.6.0"),
    "sampler": Feature("describe a sampler", "RestClient.get_sampler", first="0.6.0"),
    "publish": Feature("publish a checkpoint", "RestClient.publish_checkpoint_from_tinker_path", first="0.6.0"),
    "weights_info": Feature("describe a checkpoint", "RestClient.get_weights_info_by_tinker_path", first="0.6.0"),
    "ttl": Feature("keep a checkpoint for a time", "TrainingClient.save_state(ttl_seconds)", first="0.10.0"),
    "set_ttl": Feature("change how long it is kept", "RestClient.set_checkpoint_ttl_from_tinker_path", first="0.15.0"),
    "overwrite": Feature("overwrite a checkpoint", "TrainingClient.save_state(overwrite)", first="0.22.0"),
    "metadata": Feature("metadata of a checkpoint", "TrainingClient.save_state(user_metadata)", first="0.28.0"),
    "delete": Feature("delete a checkpoint", "RestClient.delete_checkpoint"),
    "archive": Feature("download an archive", "RestClient.get_checkpoint_archive_url", last="0.33.0"),
    "external": Feature("export external weights", "TrainingClient.save_weights_external", first="0.28.0"),
    "copy": Feature("copy a checkpoint", "ServiceClient.copy_weights", first="0.28.0"),
    "project": Feature("assign a project", "RestClient.assign_session_project", first="0.22.0"),
    "audit": Feature("audit log", "RestClient.get_audit_log", first="0.22.0"),
    "billing": Feature("billing", "RestClient.get_billing_usage", first="0.25.0"),
    "storage": Feature("storage in use", "RestClient.get_current_checkpoint_storage_usage", first="0.33.0"),
    "trace": Feature("trace of a session", "RestClient.export_session_trace", first="0.25.0"),
    "search": Feature("search sessions", "RestClient.search_sessions", first="0.36.0"),
    "together": Feature("go on with a newer version's run", "ServiceClient.create_training_client_from_state(path)"),
    "errors": Feature("clear errors", "RequestFailedError"),
    "lost_answer": Feature("a lost answer doubles no step", "TrainingClient.optim_step"),
    "close": Feature("finish the session", "ServiceClient.close", first="0.28.0"),
}
