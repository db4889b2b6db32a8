"""The contract's protobuf schema is the SDK's, and the server's."""

import subprocess
import sys
from pathlib import Path

import pytest

from contracts.proto import message_class
from tests.codec.test_schema import COMPILED, declarations, sdk_declarations

ROOT = Path(__file__).parents[2]
CONTRACT, CODEC = ROOT / "contracts" / "proto", ROOT / "mock_server" / "codec"


@pytest.mark.parametrize("file", ["tinker_public.proto", "tinker_public.pb"])
def test_the_server_speaks_the_contracts_schema(file: str) -> None:
    assert (CONTRACT / file).read_bytes() == (CODEC / file).read_bytes()


def test_every_message_and_field_is_declared_as_in_the_sdk() -> None:
    assert declarations(COMPILED) == sdk_declarations()
    for name in ("SampleResponse", "ForwardBackwardOutput", "ForwardBackwardRequest"):
        ours = message_class(name).DESCRIPTOR
        assert [field.number for field in ours.fields] == [
            number[0]
            for field, number in sdk_declarations().items()
            if field.count(".") == 1 and field.startswith(f"{name}.") and isinstance(number, tuple)
        ]


def test_a_message_that_is_none_of_the_contract_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        message_class("NoSuchMessage")


def test_the_contract_and_the_sdk_live_in_one_process() -> None:
    program = (
        "from contracts.proto import message_class\n"
        "ours = message_class('ForwardBackwardRequest')(model_id='m', seq_id=7).SerializeToString()\n"
        "from tinker.proto import tinker_public_pb2 as sdk\n"
        "assert sdk.ForwardBackwardRequest.FromString(ours).seq_id == 7"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
