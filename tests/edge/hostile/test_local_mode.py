"""Local mode lets in programs on this machine and nobody else: it asks for no token."""

from __future__ import annotations

from typing import Any

import pytest

from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import OTHER_TENANT, SERVICE_URL, message

Json = dict[str, Any]

LOCAL: dict[str, tuple[Json, str | None, Json]] = {
    "another machine": ({}, "192.0.2.1", {}),
    "another machine, mapped": ({}, "::ffff:192.0.2.1", {}),
    "no address": ({}, None, {}),
    "no address but text": ({}, "localhost.evil.example", {}),
    "a tunnel's name": ({"Host": "abc.tunnel.example"}, "127.0.0.1", {}),
    "no name": ({"Host": None}, "127.0.0.1", {}),
    "a proxy": ({"X-Forwarded-For": "192.0.2.1"}, "127.0.0.1", {}),
    "another proxy": ({"Forwarded": "for=192.0.2.1"}, "127.0.0.1", {}),
    "a web page": ({"Origin": "https://evil.example.com"}, "127.0.0.1", {}),
    "answers to Teams": ({}, "127.0.0.1", {"serviceUrl": SERVICE_URL}),
    "answers to a stranger": ({}, "127.0.0.1", {"serviceUrl": "http://evil.example.com/"}),
    "answers to a lookalike": ({}, "127.0.0.1", {"serviceUrl": "http://localhost.evil.example/"}),
    "answers to a user name": ({}, "127.0.0.1", {"serviceUrl": "http://localhost@evil.example/"}),
    "answers nowhere": ({}, "127.0.0.1", {"serviceUrl": None}),
    "foreign tenant": ({}, "127.0.0.1", {"channelData": {"tenant": {"id": OTHER_TENANT}}}),
}


@pytest.mark.parametrize(("headers", "peer", "fields"), LOCAL.values(), ids=LOCAL)
async def test_local_mode_is_for_this_machine(
    open_recorder: OpenRecorder, headers: Json, peer: str | None, fields: Json
) -> None:
    """Without tokens only programs on this machine are let in, and only when the answers stay here."""
    recorder = await open_recorder(local=True)
    activity = message(serviceUrl=recorder.stub.service_url) | fields
    usual = {"Host": "localhost:3978"} | headers
    assert await recorder.post(activity, usual, peer, token=None) == (403, None)
    assert recorder.incoming == []


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.0.1", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", ["localhost:3978", "127.0.0.1", "[::1]:3978"])
async def test_local_mode_lets_neighbours_in(
    open_recorder: OpenRecorder, peer: str, host: str
) -> None:
    """A program on this machine needs no token, by whatever loopback address it comes."""
    recorder = await open_recorder(local=True)
    activity = message(serviceUrl=recorder.stub.service_url)
    assert await recorder.post(activity, {"Host": host}, peer, token=None) == (200, None)
    assert len(recorder.incoming) == 1
