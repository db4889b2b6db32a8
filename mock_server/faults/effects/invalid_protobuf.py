"""Almost protobuf."""

from mock_server.faults.exchange import Exchange, Missed
from mock_server.faults.registry import Effect, fault


@fault("invalid_protobuf", "in_body")
class InvalidProtobuf(Effect):
    """The protobuf ends in a field that promises more bytes than there are, as if its sender had died while writing."""

    async def strike(self, exchange: Exchange) -> None:
        answer = exchange.answered
        if answer.media_type != "application/x-protobuf":
            raise Missed(f"the answer is {answer.media_type or 'empty'}, no protobuf")
        # Field 1, a string of 127 bytes, none of which is there: no message of any type ends so.
        answer.put(await answer.whole() + b"\x0a\x7f")
