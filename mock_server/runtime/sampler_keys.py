"""What each sampler samples from, known without asking the database for every request."""

from collections import OrderedDict

from mock_server.domain import submissions
from mock_server.domain.catalogue import Catalogue
from mock_server.domain.tokenizers import tokenizer_size
from mock_server.runtime.sampling import WeightsKey
from mock_server.runtime.upheavals import Upheavals
from mock_server.store import Store

KEPT_SAMPLERS = 4096


class SamplerKeys:
    """Keys of weights by sampler, with whose it is; those that were made first leave first."""

    def __init__(self, store: Store, catalogue: Catalogue, upheavals: Upheavals) -> None:
        self._store = store
        self._catalogue = catalogue
        self._upheavals = upheavals
        self._known: OrderedDict[str, tuple[str, WeightsKey]] = OrderedDict()

    async def of(self, tenant: str, sampler_id: str) -> WeightsKey:
        """What the sampler samples from, its prior settled at the first request. NotFound for somebody else's.

        The tenant is in no upheaval when this returns.
        """
        await self._upheavals.over(tenant)
        known = self._known.get(sampler_id)
        if known is not None and known[0] == tenant:
            return known[1]
        upheavals = self._upheavals.count
        sampler = await self._store.write(
            submissions.usable_sampler, tenant, sampler_id, lambda name: tokenizer_size(self._catalogue[name])
        )
        if upheavals != self._upheavals.count:  # what was read may be of before
            return await self.of(tenant, sampler_id)
        key = WeightsKey(sampler.base_model, sampler.artifact, sampler.prior_size)
        self._known[sampler_id] = tenant, key
        if len(self._known) > KEPT_SAMPLERS:
            self._known.popitem(last=False)
        return key

    def forget(self, tenant: str) -> None:
        for sampler_id in [sampler_id for sampler_id, (owner, _) in self._known.items() if owner == tenant]:
            del self._known[sampler_id]
