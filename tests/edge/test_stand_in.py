"""The stand-in for Teams keeps what a channel would show, so that tests can count what people see."""

from __future__ import annotations

import pytest

from bot.model.errors import DeliveryAmbiguous
from tests.connector import StubConnector
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import CHANNEL_ID

CARD = {"type": "message", "text": "card"}
LINE = {"type": "message", "text": "line"}
THREAD = {"channelData": {"channel": {"id": CHANNEL_ID}}, "activity": CARD}


async def test_a_thread_keeps_what_is_said_in_it(
    open_recorder: OpenRecorder, stub: StubConnector
) -> None:
    """A post begins a thread of its own, replies go into it, and what is replaced or deleted is seen no more."""
    connector = (await open_recorder(local=True)).room.connector
    place, root = await connector.create(stub.service_url, THREAD)
    other, _ = await connector.create(stub.service_url, THREAD)
    line = await connector.send(stub.service_url, place, LINE)
    await connector.update(stub.service_url, place, root, CARD | {"text": "changed"})

    first, second = stub.threads(CHANNEL_ID)
    assert place == f"{CHANNEL_ID};messageid={root}" == first[0]["conversation"] != other
    assert [one["content"]["text"] for one in first] == ["changed", "line"]
    assert (first[0]["first"]["text"], first[0]["updates"]) == ("card", 1)
    assert [one["content"]["text"] for one in second] == ["card"]

    await connector.delete(stub.service_url, place, line)
    assert [one["activity"] for one in stub.shown(place)] == [root]


@pytest.mark.parametrize("fault", [{"status": 502}, {"status": 0, "drop": True}])
async def test_an_answer_can_be_lost_while_the_message_arrives(
    open_recorder: OpenRecorder, stub: StubConnector, fault: dict[str, int]
) -> None:
    """A fault that accepts leaves the sender in doubt: the message stands in the channel, once, and nobody said so."""
    connector = (await open_recorder(local=True)).room.connector
    place, _ = await connector.create(stub.service_url, THREAD)
    stub.fault(CHANNEL_ID, accept=True, method="POST", **fault)
    with pytest.raises(DeliveryAmbiguous):
        await connector.send(stub.service_url, place, LINE)
    assert [one["content"]["text"] for one in stub.shown(place)] == ["card", "line"]
    stub.fault(CHANNEL_ID, 502, method="POST")
    with pytest.raises(DeliveryAmbiguous):
        await connector.send(stub.service_url, place, LINE)
    assert len(stub.shown(place)) == 2
