"""Finding tickets: by what people have in hand, in the lists they ask for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from bot.model.report import Failure
from bot.model.ticket import Draft, State, Ticket, TicketEvent
from bot.ports import Listing, Unit, WholeStore
from tests.contracts.samples import ADA, BO, NOW, ODD_TEXT, draft


def about(name: str, recipient: str, code: str = "5.1.10", who: str = "Kari Nordmann") -> Draft:
    """Return a draft about one failing recipient."""
    sample = draft(name)
    assert sample.report is not None
    report = replace(
        sample.report, failures=(Failure(recipient, code, "550", "no"),), codes=(code,)
    )
    return replace(sample, report=report, requester=replace(sample.requester, user_name=who))


async def numbers(
    store: WholeStore,
    words: str,
    kind: Listing = Listing.RECENT,
    *,
    skip: int = 0,
    limit: int = 25,
) -> list[int]:
    """Search as Ada; return the numbers found."""
    found = await store.run(lambda unit: unit.search(words, kind, ADA.key, skip=skip, limit=limit))
    return [ticket.number for ticket in found]


async def fill(store: WholeStore, drafts: Sequence[Draft]) -> list[Ticket]:
    """Open tickets."""
    return await store.run(lambda unit: [unit.open_ticket(one) for one in drafts])


async def test_a_ticket_is_found_by_everything_people_have_in_hand(store: WholeStore) -> None:
    """Number, address, domain, code, reporting server and requester, whole or begun, in any case."""
    await fill(
        store, [about("t1", "ola.dunk@fabrikam.com"), about("t2", "x@contoso.com", "5.2.2")]
    )
    for words in ("1001", "#1001", "OLA.dunk@fabrikam.com", "fabrikam", "ola", "5.1.10", "5.1"):
        assert await numbers(store, words) == [1001], words
    assert await numbers(store, "nordmann") == [1002, 1001]
    assert await numbers(store, "mta.contoso.com") == [1002, 1001]
    assert await numbers(store, "kari 5.2.2") == [1002]
    assert await numbers(store, "kari fabrikam 5.2.2") == []


@pytest.mark.parametrize(
    "words", ["%", "_", "'; DROP TABLE tickets; --", "\\", "\x00", "*", "\U0010ffff", "a" * 5_000]
)
async def test_hostile_words_find_nothing_and_break_nothing(store: WholeStore, words: str) -> None:
    """They are words like any other; one that has nothing left in it lists everything."""
    await fill(store, [about("t1", "ola@fabrikam.com")])
    expected = [1001] if words == "\x00" else []
    assert await numbers(store, words) == expected
    assert await numbers(store, "ola") == [1001]


async def test_odd_names_are_stored_and_found(store: WholeStore) -> None:
    """A name with anything in it neither stops the ticket nor hides it."""
    await fill(store, [about("t1", "ola@fabrikam.com", who=ODD_TEXT)])
    assert await numbers(store, "blåbærsyltetøy") == [1001]


async def test_the_lists_hold_what_their_names_say(store: WholeStore) -> None:
    """Unassigned are new, mine are open and mine, closed are over; words narrow each of them."""
    tickets = await fill(store, [about(f"t{n}", f"p{n}@fabrikam.com") for n in range(5)])

    def work(unit: Unit) -> None:
        for ticket, state, who in zip(
            tickets[1:],
            (State.CLAIMED, State.WAITING, State.RESOLVED, State.WITHDRAWN),
            (ADA, BO, ADA, None),
            strict=True,
        ):
            unit.change_ticket(
                replace(ticket, state=state, assignee=who), TicketEvent(NOW, "changed", ADA)
            )

    await store.run(work)
    assert await numbers(store, "") == [1005, 1004, 1003, 1002, 1001]
    assert await numbers(store, "", Listing.UNASSIGNED) == [1001]
    assert await numbers(store, "", Listing.MINE) == [1002]
    assert await numbers(store, "", Listing.CLOSED) == [1005, 1004]
    assert await numbers(store, "fabrikam.com", Listing.CLOSED) == [1005, 1004]
    assert await numbers(store, "p3", Listing.CLOSED) == [1004]
    assert await numbers(store, "p1", Listing.CLOSED) == []


async def test_results_come_in_pages(store: WholeStore) -> None:
    """Newest first, each once, whatever the page."""
    await fill(store, [about(f"t{n}", f"p{n}@fabrikam.com") for n in range(30)])
    for words in ("", "p", "fabrikam.com"):
        first = await numbers(store, words, limit=12)
        second = await numbers(store, words, skip=12, limit=12)
        assert len(first) == 12
        assert not set(first) & set(second)
        if words != "p":  # twenty of its thirty terms are looked at
            assert first + second == list(range(1030, 1006, -1))


async def test_a_change_shows_at_once(store: WholeStore) -> None:
    """No index that lags behind: what was just claimed is mine."""
    [ticket] = await fill(store, [about("t1", "ola@fabrikam.com")])
    await store.run(
        lambda unit: unit.change_ticket(
            replace(ticket, state=State.CLAIMED, assignee=ADA), TicketEvent(NOW, "claimed", ADA)
        )
    )
    assert await numbers(store, "ola", Listing.MINE) == [1001]
    assert await numbers(store, "ola", Listing.UNASSIGNED) == []


async def test_names_and_addresses_are_found_as_people_write_them(store: WholeStore) -> None:
    """With commas, brackets, quotes and full stops around them, and in either form of a letter."""
    await fill(store, [about("t1", "ola@fabrikam.com", who="O'Brien-A\u030as, Kari (IT)")])
    for words in (
        "o'brien",
        "\u00c5s",
        "kari",
        "(it)",
        "<Ola@Fabrikam.com>",
        '"ola@fabrikam.com".',
    ):
        assert await numbers(store, words) == [1001], words
    assert await numbers(store, "O'BRIEN-\u00c5S, kari") == [1001]


async def test_a_rare_word_finds_everything_beside_a_frequent_one(store: WholeStore) -> None:
    """However long ago: the word that few tickets have leads."""
    drafts = [about("old", "rare@example.org", "5.2.2")]
    drafts += [about(f"t{n}", f"p{n}@fabrikam.com") for n in range(450)]
    await fill(store, drafts)
    for words in ("kari rare", "nordmann 5.2.2", "5.2 kari example.org", "1001 kari"):
        assert await numbers(store, words) == [1001], words
    assert await numbers(store, "kari rare", Listing.CLOSED) == []
    assert await numbers(store, "1001 kari", Listing.CLOSED) == []
    assert await numbers(store, "1001 nobody") == []


async def test_a_frequent_word_can_be_leafed_through_to_its_end(store: WholeStore) -> None:
    """Every ticket once, newest first, and then nothing more."""
    await fill(store, [about(f"t{n}", "ola@fabrikam.com") for n in range(450)])
    found: list[int] = []
    while page := await numbers(store, "fabrikam.com", skip=len(found), limit=100):
        found += page
    assert found == list(range(1450, 1000, -1))


async def test_a_short_list_is_searched_to_its_end(store: WholeStore) -> None:
    """Where all words are frequent and the list is short, the list leads."""
    tickets = await fill(store, [about(f"t{n}", "ola@fabrikam.com") for n in range(450)])

    def close(unit: Unit) -> None:
        for ticket in tickets[:3]:
            closed = replace(ticket, state=State.CLOSED)
            unit.change_ticket(closed, TicketEvent(NOW, "closed", ADA))

    await store.run(close)
    assert await numbers(store, "kari fabrikam.com", Listing.CLOSED) == [1003, 1002, 1001]
    assert await numbers(store, "fabrikam.com", Listing.UNASSIGNED) == list(range(1450, 1425, -1))


@pytest.mark.parametrize(
    ("skip", "limit"), [(0, 0), (-5, 3), (10**12, 25), (0, -1), (10**30, 10**30)]
)
async def test_odd_pages_are_no_trouble(store: WholeStore, skip: int, limit: int) -> None:
    """What a client claims is not what a database must count to."""
    await fill(store, [about("t1", "ola@fabrikam.com")])
    for words in ("", "ola", "ola kari"):
        assert await numbers(store, words, skip=skip, limit=limit) in ([], [1001])
