"""Who belongs to the triage team, and what it means when the channel does not say."""

from __future__ import annotations

import pytest

from bot.model.errors import DeliveryFailed
from bot.model.event import Colleague, Mention, Person
from bot.model.ids import UserId
from bot.teams.members import Membership
from tests.connector import StubConnector
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import (
    ADA,
    ADA_ENTRA,
    BO,
    TEAM_ID,
    Recorder,
    address,
    execute,
    ticket_data,
)
from tests.edge.test_keys import Hands

STRANGER = "29:stranger"


async def _open(open_recorder: OpenRecorder, stub: StubConnector) -> Recorder:
    stub.members(TEAM_ID, [{"id": ADA, "aadObjectId": ADA_ENTRA, "name": "Ada Example"}])
    return await open_recorder(local=True, team_service_url=stub.service_url)


async def test_members_belong(open_recorder: OpenRecorder, stub: StubConnector) -> None:
    """A member of the team belongs; somebody else does not, and to no team at all nobody does."""
    members = (await _open(open_recorder, stub)).room.members
    ada, stranger = address(stub), address(stub, user=STRANGER)
    assert await members.is_member(TEAM_ID, ada)
    assert not await members.is_member(TEAM_ID, stranger)
    stub.members("19:other@thread.tacv2", [])
    assert not await members.is_member("19:other@thread.tacv2", ada)
    asked = len(stub.requests(method="GET"))
    assert not await members.is_member("", ada)
    assert await members.colleagues("") == ()
    assert len(stub.requests(method="GET")) == asked


async def test_the_place_is_not_the_presses_to_choose(
    open_recorder: OpenRecorder, stub: StubConnector
) -> None:
    """Whoever presses, wherever the press claims to come from: the team is asked for at the place from the settings."""
    recorder = await _open(open_recorder, stub)
    elsewhere = f"{stub.origin}/elsewhere/"
    activity = execute(ticket_data()) | {"serviceUrl": elsewhere}
    await recorder.post(activity, {"Host": "localhost"}, "127.0.0.1", token=None)
    (press,) = recorder.presses
    assert press.address.service_url == elsewhere
    assert await recorder.room.members.is_member(TEAM_ID, press.address)
    (asked,) = stub.requests(method="GET", conversation=TEAM_ID)
    assert asked["path"] == f"/v3/conversations/{TEAM_ID}/members/{ADA}"


async def test_answers_are_remembered(open_recorder: OpenRecorder, stub: StubConnector) -> None:
    """A member is asked for every five minutes, a stranger every half minute."""
    recorder = await _open(open_recorder, stub)
    clock = Hands()
    members = Membership(recorder.room.connector, stub.service_url, clock)

    async def ask_both() -> int:
        assert await members.is_member(TEAM_ID, address(stub))
        assert not await members.is_member(TEAM_ID, address(stub, user=STRANGER))
        return len(stub.requests(method="GET", conversation=TEAM_ID))

    assert await ask_both() == 2
    assert await ask_both() == 2
    clock.at += 31
    assert await ask_both() == 3
    clock.at += 300
    assert await ask_both() == 5


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, '{"error": {"code": "BotNotInConversationRoster"}}'),
        (404, '{"error": {"code": "ConversationNotFound"}}'),
        (404, "<html>no such page</html>"),
        (404, ""),
        (429, ""),
        (500, ""),
        (502, "<html>bad gateway</html>"),
        (401, ""),
    ],
)
async def test_no_answer_is_not_a_no(
    open_recorder: OpenRecorder, stub: StubConnector, status: int, body: str
) -> None:
    """When the channel does not say who belongs, that is an error, and is not remembered."""
    members = (await _open(open_recorder, stub)).room.members
    stub.fault(TEAM_ID, status, body=body)
    with pytest.raises(DeliveryFailed):
        await members.is_member(TEAM_ID, address(stub))
    assert await members.is_member(TEAM_ID, address(stub))
    stub.fault(TEAM_ID, status, body=body)
    with pytest.raises(DeliveryFailed):
        await members.colleagues(TEAM_ID)
    assert len(await members.colleagues(TEAM_ID)) == 1


async def test_members_are_listed_by_pages(
    open_recorder: OpenRecorder, stub: StubConnector
) -> None:
    """A large team comes in pages, each with where the next begins."""
    recorder = await _open(open_recorder, stub)
    stub.members(TEAM_ID, [{"id": f"29:{number}"} for number in range(5)])
    connector = recorder.room.connector
    first, after = await connector.members(stub.service_url, TEAM_ID, page=3)
    rest, end = await connector.members(stub.service_url, TEAM_ID, page=3, after=after)
    assert [entry["id"] for entry in (*first, *rest)] == [f"29:{number}" for number in range(5)]
    assert end == ""


async def test_colleagues_are_people(open_recorder: OpenRecorder, stub: StubConnector) -> None:
    """A colleague comes with the id that stays and the id that a mention needs; bots and the nameless are left out."""
    recorder = await _open(open_recorder, stub)
    stub.members(
        TEAM_ID,
        [
            {"id": ADA, "aadObjectId": ADA_ENTRA, "name": "Ada\n Example"},
            {"id": BO, "name": "Bo Example"},
            {"id": "28:another-bot", "name": "Weather"},
            {"id": "29:nameless", "name": " "},
            {"id": 7, "name": "Seven"},
            {"name": "Nobody"},
            {"id": BO, "name": "Bo Example"},
        ],
    )
    assert await recorder.room.members.colleagues(TEAM_ID) == (
        Colleague(Person(ADA_ENTRA, "Ada Example"), Mention(UserId(ADA), "Ada Example")),
        Colleague(Person(BO, "Bo Example"), Mention(UserId(BO), "Bo Example")),
    )


async def test_colleagues_come_from_every_page(
    open_recorder: OpenRecorder, stub: StubConnector
) -> None:
    """A team larger than a page is read to its end, one larger than any list is cut."""
    recorder = await _open(open_recorder, stub)
    people = [{"id": f"29:{number}", "name": f"P{number}"} for number in range(950)]
    stub.members(TEAM_ID, people[:350])
    assert len(await recorder.room.members.colleagues(TEAM_ID)) == 350
    assert len(stub.requests(method="GET", conversation=TEAM_ID)) == 2
    stub.members("19:large@thread.tacv2", people)
    assert len(await recorder.room.members.colleagues("19:large@thread.tacv2")) == 400


async def test_colleagues_are_remembered_for_minutes(
    open_recorder: OpenRecorder, stub: StubConnector
) -> None:
    """Who has left the team is no longer offered after five minutes."""
    recorder = await _open(open_recorder, stub)
    clock = Hands()
    members = Membership(recorder.room.connector, stub.service_url, clock)
    assert len(await members.colleagues(TEAM_ID)) == 1
    stub.members(TEAM_ID, [])
    assert len(await members.colleagues(TEAM_ID)) == 1
    clock.at += 301
    assert await members.colleagues(TEAM_ID) == ()
