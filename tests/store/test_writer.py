"""The single writer: groups, order, errors, hooks, and how it ends."""

import asyncio
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from mock_server.store import StorageUnavailable, Store, Transaction
from mock_server.store.tables import Meta
from tests.store.notes import counted_commits, held_up, note, notes


async def test_writes_that_wait_together_share_one_commit(store: Store) -> None:
    with counted_commits(store) as commits:
        with held_up(store):
            waiting = [asyncio.create_task(store.write(note, str(number))) for number in range(200)]
            await asyncio.sleep(0)
        results = await asyncio.gather(*waiting)
    assert results == [str(number) for number in range(200)]
    assert len(commits) == 2  # the one that held the others up, and theirs


async def test_no_group_is_longer_than_its_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mock_server.store.writer.GROUP_LIMIT", 10)
    with counted_commits(store) as commits:
        with held_up(store):
            waiting = [asyncio.create_task(store.write(note, str(number))) for number in range(25)]
            await asyncio.sleep(0)
        await asyncio.gather(*waiting)
    assert len(commits) == 1 + 3


async def test_a_write_without_a_caller_comes_before_those_that_were_asked_for_later(store: Store) -> None:
    seen: list[list[str]] = []
    for number in range(20):
        store.write_later(note, f"later {number}")
        await store.write(lambda tx: seen.append(notes(tx)))
    assert [len(rows) for rows in seen] == list(range(1, 21))


async def test_a_write_without_a_caller_needs_no_other_to_be_done(store: Store) -> None:
    done = threading.Event()

    def rule(tx: Transaction) -> None:
        note(tx, "alone")
        tx.after_commit(done.set)

    store.write_later(rule)
    assert await asyncio.to_thread(done.wait, 10)
    assert store.read_now(notes) == ["alone"]


async def test_a_rule_that_fails_takes_nothing_from_the_others_of_its_group(store: Store) -> None:
    hooks: list[str] = []

    def rule(tx: Transaction, key: str) -> str:
        note(tx, key)
        tx.after_commit(lambda: hooks.append(key))
        if key == "bad":
            raise LookupError("no such thing")
        return key

    with counted_commits(store) as commits:
        with held_up(store):
            waiting = [asyncio.create_task(store.write(rule, key)) for key in ("a", "bad", "b", "c")]
            await asyncio.sleep(0)
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [results[0], *results[2:]] == ["a", "b", "c"]
    assert isinstance(results[1], LookupError)
    assert sorted(store.read_now(notes)) == ["a", "b", "c"]
    assert hooks == ["a", "b", "c"]
    assert len(commits) == 2  # all three survivors at once, however many failed


async def test_every_caller_gets_its_own_error(store: Store) -> None:
    def refuse(_: Transaction, number: int) -> None:
        raise ValueError(number)

    with held_up(store):
        waiting = [asyncio.create_task(store.write(refuse, number)) for number in range(5)]
        await asyncio.sleep(0)
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(error) for error in errors] == ["0", "1", "2", "3", "4"]


async def test_a_row_that_the_database_refuses_undoes_only_its_own_write(store: Store) -> None:
    """Once through a statement, once through the ORM, whose failed flush rolls back by itself."""

    def twice(tx: Transaction) -> None:
        note(tx, "lost")
        note(tx, "taken")

    def twice_by_orm(tx: Transaction) -> None:
        tx.session.add(Meta(key="note lost too", value=""))
        tx.flush()
        tx.session.add(Meta(key="note taken", value=""))

    await store.write(note, "taken")
    with held_up(store):
        rules = (lambda tx: note(tx, "before"), twice, twice_by_orm, lambda tx: note(tx, "after"))
        waiting = [asyncio.create_task(store.write(rule)) for rule in rules]
        await asyncio.sleep(0)
    before, first, second, after = await asyncio.gather(*waiting, return_exceptions=True)
    assert (before, after) == ("before", "after")
    assert isinstance(first, IntegrityError)
    assert isinstance(second, IntegrityError)
    assert sorted(store.read_now(notes)) == ["after", "before", "taken"]


async def test_the_orm_and_statements_of_one_rule_see_the_same(store: Store) -> None:
    def rule(tx: Transaction) -> list[str]:
        tx.session.add(Meta(key="note by orm", value=""))
        tx.flush()
        note(tx, "by statement")
        assert len(tx.session.exec(select(Meta).where(Meta.key.startswith("note"))).all()) == 2
        return notes(tx)

    assert sorted(await store.write(rule)) == ["by orm", "by statement"]
    assert sorted(store.read_now(notes)) == ["by orm", "by statement"]


async def test_a_caller_that_goes_away_does_not_undo_its_write(store: Store) -> None:
    with held_up(store):
        leaving = asyncio.create_task(store.write(note, "kept"))
        staying = asyncio.create_task(store.write(note, "too"))
        await asyncio.sleep(0)
        leaving.cancel()
    assert await staying == "too"
    assert leaving.cancelled()
    assert sorted(store.read_now(notes)) == ["kept", "too"]


async def test_a_failing_hook_spoils_neither_the_write_nor_the_next_hook(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    called: list[str] = []

    def rule(tx: Transaction) -> str:
        tx.after_commit(list[str]().pop)
        tx.after_commit(lambda: called.append("second"))
        return note(tx, "kept")

    assert await store.write(rule) == "kept"
    assert called == ["second"]
    assert "a hook after a commit failed" in caplog.text


@pytest.mark.parametrize("error", [StopIteration(), SystemExit(3)])
async def test_nothing_that_a_rule_raises_leaves_its_caller_waiting(store: Store, error: BaseException) -> None:
    def rule(_: Transaction) -> None:
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__):
        await asyncio.wait_for(store.write(rule), 10)
    assert await store.write(note, "still at work") == "still at work"


async def test_a_wrong_write_without_a_caller_is_logged_and_left(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    def wrong(_: Transaction) -> None:
        raise LookupError("a mistake of ours")

    store.write_later(wrong)
    assert await store.write(note, "next") == "next"
    assert "a mistake of ours" in caplog.text


def test_a_loop_that_is_gone_is_not_called(store: Store) -> None:
    async def leave() -> None:
        task = asyncio.create_task(store.write(note, "kept"))
        await asyncio.sleep(0)
        task.cancel()

    with held_up(store):
        asyncio.run(leave())
    asyncio.run(store.write(note, "next"))
    assert sorted(store.read_now(notes)) == ["kept", "next"]


def test_closing_writes_what_is_queued_and_refuses_what_comes_later(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    for number in range(1200):  # more than two groups
        store.write_later(note, str(number))
    store.close()
    with pytest.raises(StorageUnavailable, match="stopping"):
        store.write_later(note, "late")
    again = Store.open(tmp_path)
    assert len(again.read_now(notes)) == 1200
    again.close()
