"""Fetches a file that somebody dropped into the chat.

Teams puts it into the sender's OneDrive and gives the bot a link that is good for a few minutes and for anybody: no token goes with
the request, least of all the bot's own. Link, name and type come from outside and prove nothing.
"""

from __future__ import annotations

import asyncio

import aiohttp
from yarl import URL

from bot.model import limits
from bot.model.errors import UploadRefused
from bot.teams.hosts import Origins

KINDS = frozenset({"eml", "msg", "txt"})
"""File types that may hold a bounce."""

_SECONDS = 10.0
"""For everything together: the channel takes back an activity that is not answered within 15."""
_TIMEOUT = aiohttp.ClientTimeout(total=_SECONDS, connect=5.0)
_HOPS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Uploads:
    """Fetches files from the places where Teams keeps them."""

    def __init__(self, session: aiohttp.ClientSession, origins: Origins) -> None:
        """Take the session to fetch with and the hosts that may be asked."""
        self._session = session
        self._origins = origins

    async def fetch(self, url: str) -> bytes:
        """Return the bytes of a file. Raises UploadRefused, saying why for our log (never the link: it is a key)."""
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._follow(url)
        except TimeoutError as error:
            raise UploadRefused("It did not come in time.") from error
        except (aiohttp.ClientError, OSError) as error:
            raise UploadRefused(f"It could not be fetched: {type(error).__name__}.") from error

    async def _follow(self, url: str) -> bytes:
        for _ in range(_HOPS):
            # Asked again at every hop: a link we trust may lead to one we do not.
            if not self._origins.admits_file(url):
                raise UploadRefused("It lies on a host that is not on the list.")
            async with self._session.get(
                URL(url, encoded=True),
                timeout=_TIMEOUT,
                allow_redirects=False,
                headers={"Accept-Encoding": "identity"},
            ) as response:
                if response.status in _REDIRECTS:
                    url = _target(url, response.headers.get("Location", ""))
                    continue
                return await _body(response)
        raise UploadRefused("It is redirected too often.")


def _target(url: str, location: str) -> str:
    try:
        return str(URL(url, encoded=True).join(URL(location)))
    except ValueError as error:
        raise UploadRefused("It is redirected to something that is no address.") from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    if response.status != 200:  # noqa: PLR2004
        raise UploadRefused(f"Its host answered {response.status}.")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        # We asked for none. A compressed answer could unpack to any size.
        raise UploadRefused("It came compressed.")
    if (response.content_length or 0) > limits.MAIL_BYTES:
        raise UploadRefused("It is too large.")
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) > limits.MAIL_BYTES:
            raise UploadRefused("It is too large.")
    return bytes(data)
