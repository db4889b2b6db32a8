"""The schema we load is the one we wrote, and the one the SDK speaks."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pb2 import FileDescriptorProto as File

from mock_server.codec.schema import messages
from mock_server.codec.training import decode_header

CODEC = Path(__file__).parents[2] / "mock_server" / "codec"
COMPILED = FileDescriptorSet.FromString((CODEC / "tinker_public.pb").read_bytes()).file[0]
FORWARD = (Path(__file__).parent / "bodies" / "sdk-0.38.0-forward.pb").read_bytes()


def declarations(file: File) -> dict[str, object]:
    """Everything that decides the bytes: one entry per field and enum value, keyed by its full name."""
    found: dict[str, object] = {"package": file.package, "syntax": file.syntax}

    def add_enum(enum: EnumDescriptorProto) -> None:
        found.update({f"{enum.name}.{value.name}": value.number for value in enum.value})

    def add_message(message: DescriptorProto, prefix: str) -> None:
        name = f"{prefix}{message.name}"
        found[name] = message.options.map_entry
        oneofs = [oneof.name for oneof in message.oneof_decl]
        for field in message.field:
            oneof = oneofs[field.oneof_index] if field.HasField("oneof_index") else None
            kind = FieldDescriptorProto.Type.Name(field.type)
            found[f"{name}.{field.name}"] = (
                field.number,
                field.label,
                kind,
                field.type_name,
                oneof,
                field.proto3_optional,
            )
        for nested in message.nested_type:
            add_message(nested, f"{name}.")

    for enum in file.enum_type:
        add_enum(enum)
    for message in file.message_type:
        add_message(message, "")
    return found


def test_the_compiled_schema_is_that_of_the_source(tmp_path: Path) -> None:
    script = Path(__file__).parent / "compile_schema.py"
    subprocess.run([sys.executable, script, tmp_path / "fresh.pb"], check=True)

    fresh = FileDescriptorSet.FromString((tmp_path / "fresh.pb").read_bytes()).file[0]
    assert declarations(COMPILED) == declarations(fresh)


def sdk_declarations() -> dict[str, object]:
    from tinker.proto import tinker_public_pb2

    theirs = File()
    tinker_public_pb2.DESCRIPTOR.CopyToProto(theirs)
    return declarations(theirs)


def test_every_message_and_field_is_declared_as_in_the_sdk() -> None:
    assert declarations(COMPILED) == sdk_declarations()


@pytest.mark.parametrize("ours_first", [True, False])
def test_our_schema_and_the_sdks_live_in_one_process(ours_first: bool) -> None:
    ours = (
        "from mock_server.codec.schema import messages; "
        "r = messages().ForwardBackwardRequest(model_id='m', seq_id=7).SerializeToString()"
    )
    theirs = "from tinker.proto import tinker_public_pb2 as sdk"
    first, second = (ours, theirs) if ours_first else (theirs, ours)
    check = "assert sdk.ForwardBackwardRequest.FromString(r).seq_id == 7"
    subprocess.run([sys.executable, "-c", f"{first}\n{second}\n{check}"], check=True, cwd=CODEC.parents[1])


def test_the_schema_is_loaded_once() -> None:
    assert messages() is messages()


def test_importing_the_codec_loads_neither_protobuf_nor_zstandard() -> None:
    program = (
        "import sys, mock_server.codec; "
        "print([name for name in sys.modules if name.startswith(('google.', 'zstandard', 'tinker'))])"
    )
    answer = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, cwd=CODEC.parents[1])
    assert answer.stdout.strip() == b"[]"


def test_fields_of_a_newer_sdk_are_ignored() -> None:
    unknown_field_99 = b"\x9a\x06\x03abc"
    assert decode_header(FORWARD + unknown_field_99, "application/x-protobuf").model_id == "sess-1:train:0"
