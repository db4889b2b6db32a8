"""Settings: where they come from, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mock_server.settings import InvalidSettingsError, Settings, load_settings


def test_an_option_goes_before_its_variable_and_a_variable_before_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINKER_MOCK_PORT", "9001")
    monkeypatch.setenv("TINKER_MOCK_HOST", "")
    assert load_settings({}, {}).port == 9001
    assert load_settings({"port": 9002}, {}).port == 9002
    assert load_settings({}, {}).host == "127.0.0.1"


def test_flags_and_dials_are_read_from_pairs_json_and_mappings() -> None:
    flags = {"parallel_fwdbwd_chunks": False, "fwdbwd_max_chunk_len": 7, "credential_default_source": "credential_cmd"}
    text = "parallel_fwdbwd_chunks=false, fwdbwd_max_chunk_len=7,credential_default_source=credential_cmd"
    json = '{"parallel_fwdbwd_chunks": false, "fwdbwd_max_chunk_len": 7, "credential_default_source": "credential_cmd"}'
    for given in (flags, text, json):
        assert load_settings({"client_config": given}, {}).client_config == flags
    assert load_settings({"dynamic_config": "sample_cancel_enabled=true"}, {}).dynamic_config == {
        "sample_cancel_enabled": True
    }
    assert load_settings({"dials": "optim_step=polls:2,sample=after:0.50"}, {}).dials == {
        "optim_step": "polls:2",
        "sample": "after:0.5",
    }


def test_sizes_can_have_units() -> None:
    assert load_settings({"max_body_bytes": "12 MiB"}, {}).max_body_bytes == 12 * 2**20


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"port": 70000}, "port (TINKER_MOCK_PORT) is 70000: Input should be less than or equal to 65535"),
        ({"seed": -1}, "seed (TINKER_MOCK_SEED) is -1: Input should be greater than or equal to 0"),
        ({"poll_seconds": 60}, "poll_seconds (TINKER_MOCK_POLL_SECONDS) is 60: Input should be less than 45"),
        ({"public_url": "localhost"}, "public_url (TINKER_MOCK_PUBLIC_URL) is 'localhost': String should match"),
        ({"client_config": "a"}, "'a' has no value: give NAME=VALUE"),
        ({"client_config": "{"}, "client_config (TINKER_MOCK_CLIENT_CONFIG) is '{': "),
        ({"client_config": {"paralel_fwdbwd_chunks": True}}, "did you mean 'parallel_fwdbwd_chunks'?"),
        ({"client_config": {"sample_no_retries": 1}}, "sample_no_retries is 1: give true or false."),
        ({"client_config": {"fwdbwd_max_chunk_len": True}}, "fwdbwd_max_chunk_len is True: give a whole number."),
        ({"dynamic_config": {"xyz": 1}}, "'xyz' is no flag of the client: known are refresh_interval_sec, "),
        ({"dials": {"optim": "never"}}, "'optim' is no kind of operation: give one of create_model, "),
        ({"dials": {"sample": "after:-1"}}, "'after:-1' is no dial: give immediate, after:<seconds>, polls:<n>"),
        ({"ephemeral": True, "data_dir": "x"}, "--ephemeral and --data-dir exclude each other"),
        ({"colour": "red"}, "colour (TINKER_MOCK_COLOUR) is 'red': Extra inputs are not permitted"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        load_settings(given, {})
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_misspelt_variable_is_not_ignored() -> None:
    with pytest.raises(InvalidSettingsError, match="TINKER_MOCK_PROT is no setting: did you mean TINKER_MOCK_PORT"):
        load_settings({}, {"TINKER_MOCK_PROT": "9000"})
    with pytest.raises(InvalidSettingsError, match=r"docs/settings\.md lists them"):
        load_settings({}, {"TINKER_MOCK_XYZZY": "1"})


def test_an_option_overrules_the_variable_that_it_contradicts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TINKER_MOCK_DATA_DIR", "elsewhere")
    assert load_settings({}, {}).data_dir == Path("elsewhere")
    assert load_settings({"ephemeral": True}, {}).ephemeral
    monkeypatch.delenv("TINKER_MOCK_DATA_DIR")
    monkeypatch.setenv("TINKER_MOCK_EPHEMERAL", "true")
    assert load_settings({}, {}).ephemeral
    assert not load_settings({"data_dir": Path("here")}, {}).ephemeral


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1
