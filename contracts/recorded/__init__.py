"""Recorded clients, replayed against any server: the same requests must get answers of the same status and shape.

`replay(capture, base_url, key)` is the door; contracts/recordings/ holds what was recorded, what of it its capture
server made up (exceptions.yaml), and what that server had before the first request (scenes.yaml).
"""

from contracts.recorded.finding import Finding
from contracts.recorded.recording import RECORDINGS, Capture, Line, captures
from contracts.recorded.replay import Replay, replay

__all__ = ["RECORDINGS", "Capture", "Finding", "Line", "Replay", "captures", "replay"]
