"""Checkpoints as the files that other programs read, made while they are sent."""

from mock_server.domain.exports.adapter import ADAPTER_CONFIG, ADAPTER_MODEL, AdapterWeights, Shapes, adapter_files
from mock_server.domain.exports.age import check_recipients, is_sealed, sealed, sealed_files
from mock_server.domain.exports.archive import tar_of
from mock_server.domain.exports.content import Bytes, Content
from mock_server.domain.exports.stored import archived_files, is_archive
from mock_server.domain.exports.targets import Part, targets_of

__all__ = [
    "ADAPTER_CONFIG",
    "ADAPTER_MODEL",
    "AdapterWeights",
    "Bytes",
    "Content",
    "Part",
    "Shapes",
    "adapter_files",
    "archived_files",
    "check_recipients",
    "is_archive",
    "is_sealed",
    "sealed",
    "sealed_files",
    "tar_of",
    "targets_of",
]
