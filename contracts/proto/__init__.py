"""The protobuf half of the wire contract: tinker_public.proto, and its messages as classes."""

from functools import cache
from pathlib import Path
from typing import Any


@cache
def message_class(name: str) -> type[Any]:
    """The class of a message of tinker_public.proto: `message_class("SampleResponse")`. KeyError: there is none.

    The pool is private: whoever judges a server may import the SDK in the same process, whose generated module
    registers the same names in protobuf's default pool.
    """
    from google.protobuf import message_factory  # noqa: PLC0415 - 30 ms that most commands do without

    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"tinker_public.{name}"))


@cache
def _pool() -> Any:
    from google.protobuf import descriptor_pb2, descriptor_pool  # noqa: PLC0415 - as above

    compiled = Path(__file__).with_name("tinker_public.pb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(compiled).file:
        pool.AddSerializedFile(file.SerializeToString())
    return pool
