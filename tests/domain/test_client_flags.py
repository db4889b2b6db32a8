"""The flags that we know are the flags that the official SDK knows, defaults included."""

from mock_server.domain.client_flags import CONFIG_FLAGS, DYNAMIC_CONFIG_FLAGS, checked_flags


def test_the_newest_client_has_these_flags_and_defaults() -> None:
    from tinker.types.client_config_response import ClientConfigResponse
    from tinker.types.client_dynamic_config_response import ClientDynamicConfigResponse

    ours = {name: flag.default for name, flag in CONFIG_FLAGS.items()}
    theirs = ClientConfigResponse().model_dump()
    assert ours.items() >= theirs.items()
    assert ours.keys() - theirs.keys() == {"create_model_via_load_weights", "proto_write_fwdbwd", "fwd_via_fwdbwd"}
    assert {
        name: flag.default for name, flag in DYNAMIC_CONFIG_FLAGS.items()
    } == ClientDynamicConfigResponse().model_dump()


def test_text_becomes_what_the_flag_is() -> None:
    given = {"parallel_fwdbwd_chunks": "False", "fwdbwd_max_chunk_len": "12", "credential_default_source": "api_key"}
    assert checked_flags(given, CONFIG_FLAGS) == {
        "parallel_fwdbwd_chunks": False,
        "fwdbwd_max_chunk_len": 12,
        "credential_default_source": "api_key",
    }
