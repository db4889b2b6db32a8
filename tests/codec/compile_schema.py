"""Compile tinker_public.proto: `python tests/codec/compile_schema.py` after editing it.

The server loads the compiled descriptor set, so that neither running nor installing it needs protoc; test_schema.py
fails when the two drift apart. Needs grpcio-tools, which only development has.
"""

import sys
from pathlib import Path

CODEC = Path(__file__).parents[2] / "mock_server" / "codec"


def compile_schema(target: Path) -> None:
    """Write the descriptor set of tinker_public.proto to target. RuntimeError when protoc refuses the source."""
    from grpc_tools import protoc  # type: ignore[import-untyped]

    arguments = ["protoc", f"--proto_path={CODEC}", f"--descriptor_set_out={target}", "tinker_public.proto"]
    if protoc.main(arguments) != 0:
        raise RuntimeError(f"protoc refused {CODEC / 'tinker_public.proto'}")


if __name__ == "__main__":
    compile_schema(Path(sys.argv[1]) if len(sys.argv) > 1 else CODEC / "tinker_public.pb")
