"""The protobuf messages of the wire contract, built at first use from the compiled tinker_public.proto."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mock_server.codec.errors import Malformed

FLOAT32, INT64, INT32, BFLOAT16 = 1, 2, 3, 4  # enum DType
STOP, LENGTH = 0, 1  # enum StopReason


@dataclass(frozen=True, slots=True)
class Messages:
    """The message classes this server reads and writes; their fields are documented in tinker_public.proto."""

    ForwardBackwardRequest: type[Any]
    ForwardBackwardOutput: type[Any]
    SampleResponse: type[Any]


@cache
def messages() -> Messages:
    """Load the schema once.

    The pool is private: a program that runs this server in its own process may import the SDK too, whose generated
    module registers the same names in protobuf's default pool, and two definitions there are an error.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # noqa: PLC0415 - 30 ms, see start-up

    compiled = Path(__file__).with_name("tinker_public.pb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled).file:
        pool.AddSerializedFile(file.SerializeToString())

    def message(name: str) -> type[Any]:
        return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"tinker_public.{name}"))

    return Messages(*(message(name) for name in Messages.__dataclass_fields__))


def parse(message: type[Any], body: bytes, name: str) -> Any:
    """The message that body encodes. Malformed, naming the body as name, when it is no such message."""
    from google.protobuf.message import DecodeError  # noqa: PLC0415 - loaded with the schema

    try:
        return message.FromString(body)
    except DecodeError as error:
        raise Malformed(
            name, f"of {len(body)} bytes is no {message.DESCRIPTOR.name} ({error})", "send that protobuf message whole"
        ) from None
