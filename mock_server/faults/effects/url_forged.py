"""A signed address whose signature is wrong."""

from mock_server.domain import signed_urls
from mock_server.faults.addresses import change_addresses
from mock_server.faults.exchange import Exchange
from mock_server.faults.registry import Effect, fault


@fault("url_forged", "in_body")
class UrlForged(Effect):
    """The signed addresses that the answer hands out are signed with a wrong secret: they are refused."""

    async def strike(self, exchange: Exchange) -> None:
        secret = exchange.random.randbytes(32)
        await change_addresses(
            exchange, lambda path, tenant, expires: signed_urls.signed(path, tenant, secret, expires)
        )
