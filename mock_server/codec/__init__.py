"""Bytes of the Tinker wire <-> values of the model. A leaf: it knows neither HTTP nor tables.

Whatever bytes come in, the only error is Malformed.
protobuf and zstandard are imported at first use, not with this package.
"""

from mock_server.codec.all_fields import protobuf_fields
from mock_server.codec.body import decompress, is_protobuf, json_object
from mock_server.codec.errors import Malformed
from mock_server.codec.json_results import forward_backward_json, sample_json
from mock_server.codec.results import encode_forward_backward, encode_sample
from mock_server.codec.salvage import salvage_header
from mock_server.codec.sampling import prompt_ids, target_prompt_ids
from mock_server.codec.sparse import SparseLayout
from mock_server.codec.training import TrainingHeader, TrainingRequest, decode_header, decode_training_request

__all__ = [
    "Malformed",
    "SparseLayout",
    "TrainingHeader",
    "TrainingRequest",
    "decode_header",
    "decode_training_request",
    "decompress",
    "encode_forward_backward",
    "encode_sample",
    "forward_backward_json",
    "is_protobuf",
    "json_object",
    "prompt_ids",
    "protobuf_fields",
    "salvage_header",
    "sample_json",
    "target_prompt_ids",
]
