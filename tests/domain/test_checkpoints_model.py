"""Checkpoints and samplers, in any order of calls, against a dictionary."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mock_server.domain import checkpoints, samplers
from mock_server.domain.checkpoints import SaveOptions
from mock_server.domain.clocks import EVERYBODY
from mock_server.domain.errors import Forbidden, NotFound, OperationFailed
from mock_server.domain.paths import KINDS, CheckpointPath, kind_of
from tests.domain.world import ALICE, BOB, World, references

TENANTS = (ALICE, BOB)
TENANT = st.sampled_from(TENANTS)
PLACES = st.tuples(TENANT, st.sampled_from(KINDS), st.sampled_from("abc"))


@dataclass
class Kept:
    """What the model knows of a checkpoint."""

    content: bytes
    expires_at: float | None
    public: bool = False


class Checkpoints(RuleBasedStateMachine):
    """Two tenants with a run each; the model is what they should see."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.world = World(self.directory)
        self.sessions = {tenant: self.world.session(tenant) for tenant in TENANTS}
        self.runs = {tenant: self.world.run(self.sessions[tenant], tenant=tenant) for tenant in TENANTS}
        self.model: dict[CheckpointPath, Kept] = {}
        self.samplers: list[tuple[str, str, bytes]] = []

    def teardown(self) -> None:
        self.world.close()
        shutil.rmtree(self.directory)

    def path(self, place: tuple[str, str, str]) -> CheckpointPath:
        tenant, kind, name = place
        return CheckpointPath(self.runs[tenant], kind_of(kind), name)

    def there(self, path: CheckpointPath) -> Kept | None:
        kept = self.model.get(path)
        return None if kept is None or (kept.expires_at is not None and kept.expires_at <= self.world.now) else kept

    def owner(self, path: CheckpointPath) -> str:
        return next(tenant for tenant in TENANTS if self.runs[tenant] == path.run_id)

    def expected(self, tenant: str, path: CheckpointPath) -> type[Exception] | None:
        """The refusal that awaits this tenant's attempt to change the checkpoint."""
        kept = self.there(path)
        if kept is None or not (kept.public or self.owner(path) == tenant):
            return NotFound
        return None if self.owner(path) == tenant else Forbidden

    @rule(place=PLACES, ttl=st.sampled_from([None, None, 50, 200]), overwrite=st.booleans())
    def save(self, place: tuple[str, str, str], ttl: int | None, overwrite: bool) -> None:
        path = self.path(place)
        self.world.now += 1
        options = SaveOptions(ttl_seconds=ttl, overwrite=overwrite)
        if self.there(path) is not None and not overwrite:
            with pytest.raises(OperationFailed):
                self.world.save(path.run_id, path.name, options, tenant=place[0], kind=path.kind)
            return
        self.world.save(path.run_id, path.name, options, tenant=place[0], kind=path.kind)
        content = f"{path} at {self.world.now}".encode()
        self.model.pop(path, None)  # an overwriting save is the newest
        self.model[path] = Kept(content, None if ttl is None else self.world.now + ttl)

    @rule(tenant=TENANT, place=PLACES)
    def delete(self, tenant: str, place: tuple[str, str, str]) -> None:
        path = self.path(place)
        if (refusal := self.expected(tenant, path)) is not None:
            with pytest.raises(refusal):
                self.world(checkpoints.delete, tenant, path)
            return
        self.world(checkpoints.delete, tenant, path)
        del self.model[path]

    @rule(tenant=TENANT, place=PLACES, public=st.booleans())
    def publish(self, tenant: str, place: tuple[str, str, str], public: bool) -> None:
        path = self.path(place)
        if (refusal := self.expected(tenant, path)) is not None:
            with pytest.raises(refusal):
                self.world(checkpoints.set_public, tenant, path, public=public)
            return
        self.world(checkpoints.set_public, tenant, path, public=public)
        self.model[path].public = public

    @rule(tenant=TENANT, place=PLACES, ttl=st.sampled_from([None, 30]))
    def set_ttl(self, tenant: str, place: tuple[str, str, str], ttl: int | None) -> None:
        path = self.path(place)
        if (refusal := self.expected(tenant, path)) is not None:
            with pytest.raises(refusal):
                self.world(checkpoints.set_ttl, tenant, path, ttl)
            return
        self.world(checkpoints.set_ttl, tenant, path, ttl)
        self.model[path].expires_at = None if ttl is None else self.world.now + ttl

    @rule(tenant=TENANT, place=PLACES)
    def make_sampler(self, tenant: str, place: tuple[str, str, str]) -> None:
        path = self.path(place)
        kept = self.there(path)
        number = len(self.samplers)
        if kept is None or not (kept.public or self.owner(path) == tenant):
            with pytest.raises(NotFound):
                self.world.sampler(self.sessions[tenant], number, path, tenant)
            return
        made = self.world.sampler(self.sessions[tenant], number, path, tenant)
        self.samplers.append((tenant, made, kept.content))

    @rule(seconds=st.sampled_from([10, 100]))
    def wait(self, seconds: int) -> None:
        self.world.now += seconds

    @rule()
    def sweep(self) -> None:
        overdue = [path for path in self.model if self.there(path) is None]
        assert self.world(checkpoints.sweep, EVERYBODY) == len(overdue)
        for path in overdue:
            del self.model[path]

    @invariant()
    def lists_and_totals_agree(self) -> None:
        for tenant in TENANTS:
            mine = [path for path in reversed(self.model) if self.owner(path) == tenant and self.there(path)]
            found, total = self.world(checkpoints.page, tenant, limit=100, offset=0)
            assert [(row.kind, row.name) for row in found] == [(path.kind, path.name) for path in mine]
            assert total == len(mine)

    @invariant()
    def contents_are_those_that_were_saved(self) -> None:
        for path in self.model:
            for tenant in TENANTS:
                if self.expected(tenant, path) is not NotFound:
                    row = self.world(checkpoints.readable, tenant, path)
                    assert self.world.artifacts.read(row.artifact) == self.model[path].content
        for tenant, made, content in self.samplers:
            artifact = self.world(samplers.owned, tenant, made).artifact
            assert artifact is not None
            assert self.world.artifacts.read(artifact) == content

    @invariant()
    def files_are_counted_right(self) -> None:
        """As many references as rows that point there; unswept rows keep their files."""
        contents = [kept.content for kept in self.model.values()] + [content for _, _, content in self.samplers]
        counted = self.world(references)
        assert sum(counted.values()) == len(contents)
        assert {self.world.artifacts.read(artifact): refs for artifact, refs in counted.items()} == {
            content: contents.count(content) for content in contents
        }
        self.world.check_files()


Checkpoints.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestCheckpoints = Checkpoints.TestCase
