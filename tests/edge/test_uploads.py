"""Files that people drop into the chat, and hosts that try something with them."""

from __future__ import annotations

import gzip
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.model import limits
from bot.model.errors import UploadRefused
from bot.teams.clouds import CLOUDS
from bot.teams.hosts import Origins
from bot.teams.uploads import Uploads
from tests.connector import StubConnector


@pytest.fixture
async def uploads() -> AsyncIterator[Uploads]:
    """What fetches files, from this machine too."""
    async with aiohttp.ClientSession() as session:
        yield Uploads(session, Origins((), domains=CLOUDS["public"].file_domains, loopback=True))


async def test_a_file_is_fetched_as_it_is(uploads: Uploads, stub: StubConnector) -> None:
    """Every byte arrives, up to the very limit."""
    data = bytes(range(256)) * (limits.MAIL_BYTES // 256)
    assert await uploads.fetch(stub.file("a.eml", data)) == data


async def test_an_address_is_asked_for_as_it_is(uploads: Uploads, stub: StubConnector) -> None:
    """The signature in a link survives: nothing in it is quoted again."""
    url = stub.file("a.eml", b"x")
    await uploads.fetch(f"{url}?tempauth=v1.a%2Bb%3D&x=%C3%A5")
    (asked,) = stub.requests(path="/files/a.eml")
    assert asked["query"] == {"tempauth": "v1.a+b=", "x": "å"}


async def test_a_file_that_is_too_large(uploads: Uploads, stub: StubConnector) -> None:
    """A file one byte over the limit is refused, whether its host says how long it is or not."""
    data = b"x" * (limits.MAIL_BYTES + 1)
    for answer in ({}, {"Chunked": "yes"}):
        with pytest.raises(UploadRefused):
            await uploads.fetch(stub.file("a.eml", data, answer))
    assert await uploads.fetch(stub.file("a.eml", data[1:], {"Chunked": "yes"})) == data[1:]


async def test_a_file_that_unpacks_to_something_large(
    uploads: Uploads, stub: StubConnector
) -> None:
    """A compressed answer, which nobody asked for, is refused unopened."""
    bomb = gzip.compress(b"x" * 50_000_000)
    with pytest.raises(UploadRefused):
        await uploads.fetch(stub.file("a.eml", bomb, {"Content-Encoding": "gzip"}))


@pytest.mark.parametrize("status", ["201", "403", "404", "410", "500", "304"])
async def test_any_other_status(uploads: Uploads, stub: StubConnector, status: str) -> None:
    """Only a 200 is a file; a link that has run out says so with its status."""
    with pytest.raises(UploadRefused):
        await uploads.fetch(stub.file("a.eml", b"an error page", {"Status": status}))


async def test_redirects_on_the_list_are_followed(uploads: Uploads, stub: StubConnector) -> None:
    """A redirect within the hosts we trust is followed, also a relative one."""
    stub.file("b.eml", b"found")
    url = stub.file("a.eml", b"", {"Status": "302", "Location": "/files/b.eml"})
    assert await uploads.fetch(url) == b"found"


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example.com/b.eml",
        "http://169.254.169.254/latest/meta-data",
        "//evil.example.com/b.eml",
        "file:///etc/passwd",
        "http://contoso.sharepoint.com/b.eml",
        "http://[",
        "",
    ],
)
async def test_redirects_elsewhere_are_not(
    uploads: Uploads, stub: StubConnector, location: str
) -> None:
    """A redirect to any other host ends it."""
    answer = {"Status": "302"} | ({"Location": location} if location else {})
    with pytest.raises(UploadRefused):
        await uploads.fetch(stub.file("a.eml", b"", answer))


async def test_a_circle_of_redirects(uploads: Uploads, stub: StubConnector) -> None:
    """A link that leads to itself is followed a few times only."""
    url = stub.file("a.eml", b"", {"Status": "307", "Location": "/files/a.eml"})
    with pytest.raises(UploadRefused):
        await uploads.fetch(url)
    assert len(stub.requests(path="/files/a.eml")) == 3


async def test_a_file_that_does_not_come(
    uploads: Uploads, stub: StubConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole fetch has one time limit."""
    monkeypatch.setattr("bot.teams.uploads._SECONDS", 0.2)
    url = stub.file("a.eml", b"x")
    stub.fault("file:a.eml", 200, delay=3.0)
    started = time.monotonic()
    with pytest.raises(UploadRefused):
        await uploads.fetch(url)
    assert time.monotonic() - started < 2


async def test_a_connection_that_breaks(uploads: Uploads, stub: StubConnector) -> None:
    """A host that hangs up, or is not there, is a refusal like any other."""
    url = stub.file("a.eml", b"x")
    stub.fault("file:a.eml", 0, drop=True, times=5)
    with pytest.raises(UploadRefused):
        await uploads.fetch(url)
    with pytest.raises(UploadRefused):
        await uploads.fetch("http://127.0.0.1:1/a.eml")


async def test_the_refusal_does_not_name_the_link(uploads: Uploads) -> None:
    """A link is a key to somebody's file: it stands in no message."""
    with pytest.raises(UploadRefused) as refused:
        await uploads.fetch("https://evil.example.com/?tempauth=secret")
    assert "secret" not in str(refused.value)
    assert "evil" not in str(refused.value)


def test_sharepoint_is_matched_at_a_label() -> None:
    """Every OneDrive of every tenant is on the list, and nothing that only ends alike."""
    origins = Origins((), domains=CLOUDS["public"].file_domains)
    assert origins.admits_file("https://contoso-my.sharepoint.com/a?tempauth=x")
    assert origins.admits_file("https://fabrikam.sharepoint.com/_layouts/15/download.aspx")
    for host in ("evilsharepoint.com", "sharepoint.com.evil.example", "sharepoint.com"):
        assert not origins.admits_file(f"https://{host}/a")
    assert not origins.admits_file("http://contoso.sharepoint.com/a")
    assert not origins.admits_file("https://contoso.sharepoint.com:8443/a")
