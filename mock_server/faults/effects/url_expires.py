"""A signed address that is over too soon."""

from pydantic import Field

from mock_server.domain import signed_urls
from mock_server.faults.addresses import change_addresses
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("url_expires", "in_body")
class UrlExpires(Effect):
    """The signed addresses that the answer hands out expire `seconds` from now; 0 and less: they have expired already.
    What the answer says of their expiry stays as it was.
    """

    seconds: int = Field(default=0, ge=-86_400, le=86_400)

    async def strike(self, exchange: Exchange) -> None:
        secret, expires = exchange.runtime.store.secret, int(exchange.clock.now()) + self.seconds
        await change_addresses(exchange, lambda path, tenant, _: signed_urls.signed(path, tenant, secret, expires))
