"""The channel's side of the wire: the activities that Teams sends, and a bot's edge that only writes down what reaches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any, Self

import msgspec
from multidict import CIMultiDict

from bot.agents import AgentsAdapter
from bot.host import Answer
from bot.model.event import Address, Incoming, Scope, TicketPress, TicketSearch
from bot.model.ids import ConversationId, Language, UserId
from bot.model.outgoing import Button, Heading, Hit, Outgoing, Run
from bot.ports import Clock
from bot.teams.adapter import TeamsAdapter
from bot.teams.connector import Connector
from bot.teams.edge import Pipeline, TeamsEdge
from bot.teams.room import Options, TeamsRoom
from tests.connector import StubConnector

Json = dict[str, Any]

APP_ID = "11111111-2222-4333-8444-555555555555"
TENANT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
OTHER_TENANT = "ffffffff-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SERVICE_URL = "https://smba.trafficmanager.net/emea/"
BOT = f"28:{APP_ID}"
ADA = "29:1ada-in-teams"
BO = "29:1bo-in-teams"
ADA_ENTRA = "99999999-8888-4777-8666-555555555555"
CHAT = "a:chat-with-ada"
CHANNEL_ID = "19:general@thread.tacv2"
TEAM_ID = "19:team@thread.tacv2"

PAGE = Outgoing(
    language=Language("en"),
    summary="A page",
    elements=(Heading((Run("A page"),)),),
    buttons=(Button("Yes", {"v": "1", "choice": "yes"}),),
)


def message(text: str | None = "hello", **fields: object) -> Json:
    """Return a message that somebody typed to the bot in a chat of two, as the Teams desktop client sends it."""
    activity: Json = {
        "type": "message",
        "id": "1700000000001",
        "timestamp": "2026-11-23T10:00:00.123Z",
        "localTimestamp": "2026-11-23T11:00:00.123+01:00",
        "localTimezone": "Europe/Oslo",
        "channelId": "msteams",
        "serviceUrl": SERVICE_URL,
        "from": {"id": ADA, "name": "Ada Example", "aadObjectId": ADA_ENTRA},
        "conversation": {"id": CHAT, "conversationType": "personal", "tenantId": TENANT},
        "recipient": {"id": BOT, "name": "Bouncedesk"},
        "textFormat": "plain",
        "locale": "nb-NO",
        "entities": [
            {"type": "clientInfo", "locale": "nb-NO", "country": "NO", "platform": "Windows"}
        ],
        "channelData": {"tenant": {"id": TENANT}},
    }
    if text is not None:
        activity["text"] = text
    return activity | fields


def html_message(text: str, html: str, **fields: object) -> Json:
    """Return a message with the HTML that the client keeps beside the plain text."""
    return message(text, attachments=[{"contentType": "text/html", "content": html}], **fields)


def mention(user: str, name: str, **fields: object) -> Json:
    """Return the entity of a mention."""
    mentioned = {"id": user, "name": name} | fields
    return {"type": "mention", "mentioned": mentioned, "text": f"<at>{name}</at>"}


def channel_message(text: str, *others: Json, **fields: object) -> Json:
    """Return a message in a thread of a channel, in which the bot is mentioned, and others may be."""
    return message(
        text,
        conversation={
            "id": f"{CHANNEL_ID};messageid=1699999999999",
            "conversationType": "channel",
            "isGroup": True,
            "tenantId": TENANT,
        },
        entities=[mention(BOT, "Bouncedesk"), *others],
        channelData={
            "tenant": {"id": TENANT},
            "channel": {"id": CHANNEL_ID},
            "team": {"id": TEAM_ID},
            "teamsChannelId": CHANNEL_ID,
            "teamsTeamId": TEAM_ID,
        },
        **fields,
    )


def press_data(**ids: object) -> Json:
    """Return the data of a button on one of our cards."""
    ours = {
        "v": "1",
        "session": "s-1",
        "article": "5.1.10",
        "node": "start",
        "choice": "yes",
        "content": "c-1",
    }
    return {"bouncedesk": ours | ids}


def ticket_data(**ids: object) -> Json:
    """Return the data of a button on a ticket card."""
    return {"bouncedesk": {"v": "1", "ticket": "1042", "do": "claim", "version": "3"} | ids}


def execute(data: object, **fields: object) -> Json:
    """Return the invoke of an `Action.Execute`."""
    action = {"type": "Action.Execute", "verb": "bouncedesk", "data": data}
    return message(
        None,
        type="invoke",
        name="adaptiveCard/action",
        id="f:execute-1",
        replyToId="1699999999000",
        value={"action": action, "trigger": "manual"},
        **fields,
    )


def search(value: object, **fields: object) -> Json:
    """Return the invoke of the message extension while somebody types."""
    return message(
        None,
        type="invoke",
        name="composeExtension/query",
        id="f:search-1",
        value=value,
        **fields,
    )


def query(words: str, command: str = "recent", skip: int = 0, count: int = 25) -> Json:
    """Return what the message extension asks; without words it is the first time, when nothing was typed yet."""
    parameter = (
        {"name": "query", "value": words} if words else {"name": "initialRun", "value": "true"}
    )
    return {
        "commandId": command,
        "parameters": [parameter],
        "queryOptions": {"skip": skip, "count": count},
        "context": {"theme": "default"},
    }


def submit(data: object, **fields: object) -> Json:
    """Return the message of an `Action.Submit`."""
    return message(None, id="f:submit-1", replyToId="1699999999000", value=data, **fields)


def installed(**fields: object) -> Json:
    """Return the news that the app was installed."""
    return message(None, type="installationUpdate", action="add", id="f:install-1", **fields)


def members_added(*ids: object, **fields: object) -> Json:
    """Return the news that members came in."""
    added = [{"id": one} for one in ids]
    return message(None, type="conversationUpdate", id="f:members-1", membersAdded=added, **fields)


def uploaded(
    url: str = "https://contoso-my.sharepoint.com/personal/ada/download.aspx?UniqueId=1",
    name: str = "bounce.eml",
    kind: str | None = "eml",
    text: str = "",
    **fields: object,
) -> Json:
    """Return a message with a file, as it comes from a chat of two."""
    attachment = {
        "contentType": "application/vnd.microsoft.teams.file.download.info",
        "contentUrl": "https://contoso-my.sharepoint.com/personal/ada/bounce.eml",
        "content": {"downloadUrl": url, "uniqueId": "1"} | ({"fileType": kind} if kind else {}),
        "name": name,
    }
    return message(text, attachments=[attachment], **fields)


def without(activity: Json, path: str) -> Json:
    """Return an activity without one field, named as `conversation.id`."""
    changed = deepcopy(activity)
    *way, last = path.split(".")
    place = changed
    for step in way:
        place = place[step]
    del place[last]
    return changed


def replaced(activity: Json, path: str, value: object) -> Json:
    """Return an activity with one field replaced."""
    changed = deepcopy(activity)
    *way, last = path.split(".")
    place = changed
    for step in way:
        place = place[step]
    place[last] = value
    return changed


def address(stub: StubConnector, conversation: str = CHAT, **fields: object) -> Address:
    """Return an address at the stand-in."""
    usual = Address(
        channel="msteams",
        service_url=stub.service_url,
        conversation=ConversationId(conversation),
        scope=Scope.PERSONAL,
        user=UserId(ADA),
        user_name="Ada Example",
        user_key=ADA_ENTRA,
        bot=BOT,
        tenant=TENANT,
    )
    return msgspec.structs.replace(usual, **fields)


def language(locale: str | None) -> Language:
    """Return the language of a locale as a bot with Norwegian and English would."""
    return Language("nb" if locale and locale.startswith("nb") else "en")


SDKS: dict[str, Callable[[Connector], Pipeline]] = {
    "botbuilder": TeamsAdapter,
    "agents": AgentsAdapter,
}
"""What turns can run through, by the setting that chooses it."""


class Recorder:
    """The real edge in front of a bot that writes down what it is told and answers what it was given to answer."""

    def __init__(
        self, stub: StubConnector, clock: Clock, sdk: str = "botbuilder", **options: object
    ) -> None:
        """Take the stand-in, the SDK whose pipeline the turns run through, and options as `room.Options` has them."""
        self.stub = stub
        self._sdk = sdk
        self._clock = clock
        usual: Json = {
            "app_id": APP_ID,
            "app_password": "right",
            "tenant_id": TENANT,
            "metadata_url": stub.metadata_url,
            "authority": stub.origin,
            "service_hosts": (stub.origin,),
            "tenants": frozenset({TENANT}),
        }
        self._options = Options(**(usual | options))
        self._token: str | None = None
        self.incoming: list[Incoming] = []
        self.presses: list[TicketPress] = []
        self.searches: list[TicketSearch] = []
        self.answer = Answer()
        self.ticket_answer: Outgoing | str = "Done."
        self.found: Sequence[Hit] | str = ()
        self.room: TeamsRoom
        self.adapter: Any
        self.edge: TeamsEdge

    async def __aenter__(self) -> Self:
        """Open the room."""
        self.room = TeamsRoom(self._options, self._clock)
        self.adapter = SDKS[self._sdk](self.room.connector)
        self.edge = self.room.edge(
            self.adapter,
            language,
            self._on_incoming,
            self._on_ticket_press,
            self._on_ticket_search,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.room.close()

    async def _on_incoming(self, incoming: Incoming) -> Answer:
        self.incoming.append(incoming)
        return self.answer

    async def _on_ticket_press(self, press: TicketPress) -> Outgoing | str:
        self.presses.append(press)
        return self.ticket_answer

    async def _on_ticket_search(self, search: TicketSearch) -> Sequence[Hit] | str:
        self.searches.append(search)
        return self.found

    async def post(
        self,
        activity: object,
        headers: Json | None = None,
        peer: str | None = "203.0.113.7",
        token: str | None = "",
    ) -> tuple[int, Json | None]:
        """Send a request as the channel does: JSON with a valid token; `token` None leaves it out.

        `activity` may be bytes, to send what is no JSON. Headers given go before the usual ones; a header of None is left out.
        """
        body = activity if isinstance(activity, bytes) else msgspec.json.encode(activity)
        if token == "":
            # The channel uses one token for many requests, and so do we.
            token = self._token = self._token or self.stub.token(APP_ID, SERVICE_URL)
        usual: Json = {
            "Host": "bot.example.com",
            "Content-Type": "application/json; charset=utf-8",
            "Authorization": f"Bearer {token}" if token else None,
        }
        sent = {name: value for name, value in (usual | (headers or {})).items() if value}
        return await self.edge.handle(CIMultiDict(sent), body, peer)

    async def one(self, activity: Json) -> Incoming:
        """Send an activity that is taken, and return the one event it became."""
        self.incoming.clear()
        status, _ = await self.post(activity)
        assert status == 200
        (incoming,) = self.incoming
        return incoming

    async def one_press(self, activity: Json) -> TicketPress:
        """Send a press on a ticket card and return it."""
        self.presses.clear()
        status, _ = await self.post(activity)
        assert status == 200
        (press,) = self.presses
        return press
