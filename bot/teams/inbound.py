"""Reads an activity into an event.

An activity is somebody else's JSON: every field may be missing, of another type, or too long. What the envelope must have and lacks
is a bad request; what a person pressed or sent and we cannot use is an event too, so that the person gets an answer.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from typing import Any, TypeGuard

import msgspec

from bot.model import limits
from bot.model.errors import RequestRefused
from bot.model.event import (
    Address,
    Arrived,
    Event,
    Incoming,
    Mention,
    Person,
    Pressed,
    Said,
    Scope,
    TicketPress,
    TicketSearch,
    Unusable,
)
from bot.model.ids import ArticleId, ChoiceId, ConversationId, Language, NodeId, SessionId, UserId
from bot.render.card import DATA_KEY
from bot.teams.auth import CHANNEL, tenants_of
from bot.teams.uploads import KINDS

Json = Mapping[str, Any]
Languages = Callable[[str | None], Language]
"""Finds the language for a client's locale; None where the client names none."""

INVOKE = "invoke"
CARD_ACTION = "adaptiveCard/action"
EXTENSION_QUERY = "composeExtension/query"
SEARCH_PARAMETER = "query"
"""What the manifest calls the field that somebody searches with."""
DOWNLOAD = "application/vnd.microsoft.teams.file.download.info"
DATA_VERSION = "1"

_CONVERSATION_CHARS = 1_024
_ID_CHARS = 512
_NAME_CHARS = 200
_LOCALE_CHARS = 35
_PRESS_CHARS = 128
_INPUTS = 20
_LISTED = 100
"""Entries of any list that are looked at."""
_SEARCH_CHARS = 200
_PAGE, _FURTHEST = 25, 1_000
"""Hits of a search: as many as every client asks for, and how far one can leaf."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Upload(msgspec.Struct, frozen=True):
    """A file that has yet to be fetched."""

    url: str
    text: str
    """What was typed beside it."""
    refused: Incoming
    """What came in if the file cannot be had."""


Read = Incoming | TicketPress | TicketSearch | Upload
"""What an activity can be."""


def read_activity(raw: Json, *, languages: Languages) -> Read | None:
    """Return what an activity says; None when it is nothing for us (typing, reactions, edits, removals).

    Raises RequestRefused (400) for an envelope that cannot be answered.
    """
    kind = raw.get("type")
    if not isinstance(kind, str):
        raise RequestRefused(400, "the activity has no type")
    match kind:
        case "message":
            return _Envelope(raw, languages).message()
        case "invoke" if raw.get("name") == CARD_ACTION:
            return _Envelope(raw, languages).invoked()
        case "invoke" if raw.get("name") == EXTENSION_QUERY:
            return _Envelope(raw, languages).search()
        case "conversationUpdate" | "installationUpdate":
            return _Envelope(raw, languages).arrival()
        case _:
            return None


class _Envelope:
    """The parts of an activity that every kind has, checked."""

    def __init__(self, raw: Json, languages: Languages) -> None:
        self.raw = raw
        sender = _object(raw, "from")
        conversation = _object(raw, "conversation")
        user = _id(sender, "id", _ID_CHARS)
        recipient = raw.get("recipient")
        bot = recipient.get("id") if isinstance(recipient, dict) else None
        tenants = tenants_of(raw)
        entra = sender.get("aadObjectId")
        self.address = Address(
            # Other channels exist only in local mode; their answers take the same way as Teams's.
            channel=CHANNEL,
            service_url=_id(raw, "serviceUrl", _CONVERSATION_CHARS),
            conversation=ConversationId(_id(conversation, "id", _CONVERSATION_CHARS)),
            scope=_scope(conversation),
            user=UserId(user),
            user_name=_line(sender.get("name"), _NAME_CHARS),
            user_key=entra if _is_id(entra, _ID_CHARS) else user,
            bot=bot if _is_id(bot, _ID_CHARS) else "",
            tenant=tenants[0][:_ID_CHARS] if tenants else None,
        )
        self.activity = _activity_id(raw)
        locale = raw.get("locale")
        known = isinstance(locale, str) and 0 < len(locale) <= _LOCALE_CHARS
        self.locale = languages(locale if known else None)

    @property
    def person(self) -> Person:
        """Who sent it."""
        return Person(self.address.user_key, self.address.user_name)

    def incoming(self, event: Event, *, inline: bool = False) -> Incoming:
        """Return an event in this envelope."""
        return Incoming(
            event=event,
            address=self.address,
            activity=self.activity,
            locale=self.locale,
            inline=inline,
        )

    def arrival(self) -> Incoming | None:
        """Return an arrival, when it is the bot's own or, in a chat of two, anybody's."""
        if self.raw["type"] == "installationUpdate":
            # `add-upgrade` is a new version of the app for people who know it already.
            return self.incoming(Arrived()) if self.raw.get("action") == "add" else None
        added = {
            member.get("id") for member in _objects(self.raw.get("membersAdded"), hashable="id")
        }
        personal = self.address.scope is Scope.PERSONAL
        if added and (personal or self.address.bot in added):
            return self.incoming(Arrived())
        return None

    def invoked(self) -> Incoming | TicketPress:
        """Return a press of an `Action.Execute`, which is answered in the response."""
        value = self.raw.get("value")
        action = value.get("action") if isinstance(value, dict) else None
        data = action.get("data") if isinstance(action, dict) else None
        return self.press(data, inline=True)

    def search(self) -> TicketSearch:
        """Return a search from the message extension. All of it is a claim; what is no text or no number is left out."""
        value = self.raw.get("value")
        asked = value if isinstance(value, dict) else {}
        given = asked.get("queryOptions")
        options = given if isinstance(given, dict) else {}
        words = ""
        for parameter in _objects(asked.get("parameters")):
            if parameter.get("name") == SEARCH_PARAMETER:
                words = _line(parameter.get("value"), _SEARCH_CHARS).strip()
        return TicketSearch(
            words=words,
            kind=_claim(asked, "commandId") or "",
            skip=_whole(options.get("skip"), 0, _FURTHEST, usual=0),
            limit=_whole(options.get("count"), 1, _PAGE, usual=_PAGE),
            person=self.person,
            address=self.address,
            locale=self.locale,
        )

    def message(self) -> Incoming | TicketPress | Upload:
        """Return a message: a press of an `Action.Submit`, a file, or text."""
        value = self.raw.get("value")
        if isinstance(value, dict) and DATA_KEY in value:
            return self.press(value, inline=False)
        text = self.raw.get("text")
        if text is not None and not isinstance(text, str):
            raise RequestRefused(400, "the text is not text")
        attachments = list(_objects(self.raw.get("attachments")))
        said = self.said(text or "", attachments)
        upload = self.upload(said, attachments)
        if upload is not None:
            return upload
        if said:
            return self.incoming(Said(said, self.mentions()))
        if value is not None:
            return self.incoming(Unusable("unknown-press"))
        files = any(entry.get("contentType") != "text/html" for entry in attachments)
        return self.incoming(Unusable("upload-refused" if files else "empty"))

    def press(self, data: object, *, inline: bool) -> Incoming | TicketPress:
        """Return a press on one of our cards; one that we do not know is said to be unknown."""
        ours = data.get(DATA_KEY) if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(ours, dict):
            return self.incoming(Unusable("unknown-press"), inline=inline)
        if ours.get("v") != DATA_VERSION:
            return self.incoming(Unusable("unknown-press"), inline=inline)
        inputs = _inputs(data)
        press = (
            self.ticket_press(ours, inputs, inline=inline)
            if "ticket" in ours
            else self.dialog_press(ours, inputs, inline=inline)
        )
        return press or self.incoming(Unusable("unknown-press"), inline=inline)

    def dialog_press(
        self, ours: Json, inputs: Mapping[str, str], *, inline: bool
    ) -> Incoming | None:
        """Return a press on a card of a dialog; None when its ids are none."""
        session, choice = _claim(ours, "session"), _claim(ours, "choice")
        article, node, content = (_claim(ours, key) for key in ("article", "node", "content"))
        if not session or not choice or None in (article, node, content):
            return None
        pressed = Pressed(
            session=SessionId(session),
            article=ArticleId(article) if article else None,
            node=NodeId(node) if node else None,
            choice=ChoiceId(choice),
            content=content or "",
            inputs=inputs,
        )
        return self.incoming(pressed, inline=inline)

    def ticket_press(
        self, ours: Json, inputs: Mapping[str, str], *, inline: bool
    ) -> TicketPress | None:
        """Return a press on a ticket card; None when its ids are none."""
        number, do, version = (_claim(ours, key) for key in ("ticket", "do", "version"))
        if not do or not _is_number(number) or not _is_number(version):
            return None
        return TicketPress(
            number=int(number),
            do=do,
            version=int(version),
            person=self.person,
            inputs=inputs,
            address=self.address,
            activity=self.activity,
            locale=self.locale,
            inline=inline,
        )

    def upload(self, said: str, attachments: list[Json]) -> Upload | None:
        """Return the first file of a kind we can read; other files are no upload."""
        for attachment in attachments:
            content = attachment.get("content")
            if attachment.get("contentType") != DOWNLOAD or not isinstance(content, dict):
                continue
            url = content.get("downloadUrl")
            if isinstance(url, str) and _file_kind(attachment, content) in KINDS:
                return Upload(url, said, self.incoming(Unusable("upload-refused")))
        return None

    def said(self, text: str, attachments: list[Json]) -> str:
        """Return what was said: the HTML where the plain text has lost something of it.

        The mention of the bot is taken out; the mark of anybody else's is taken off their name.
        """
        marks = list(self.marks())
        for mark in marks:
            if mark.of_bot:
                # The client sets a hard blank behind a mention, spelt as HTML even in plain text.
                before, _, after = text.partition(mark.text)
                text = before + after.removeprefix("&nbsp;")
            else:
                text = text.replace(mark.text, mark.name, 1)
        text = _without_nul(text)
        for attachment in attachments:
            html = attachment.get("content")
            if attachment.get("contentType") == "text/html" and isinstance(html, str):
                html = _without_marks(_without_nul(html), marks)
                if _carries_more(html, text):
                    return html
        return text.strip()

    def marks(self) -> Iterator[_Mark]:
        """Yield what is marked as a mention in the text (`<at>…</at>`): by id, because a name may stand anywhere in a pasted mail."""
        for entity in _objects(self.raw.get("entities")):
            mentioned, mark = entity.get("mentioned"), entity.get("text")
            if entity.get("type") == "mention" and isinstance(mentioned, dict):
                identity = mentioned.get("id")
                if _is_id(identity, _ID_CHARS) and isinstance(mark, str) and mark:
                    yield _Mark(mark, identity == self.address.bot, mentioned)

    def mentions(self) -> tuple[Mention, ...]:
        """Return the people who are named: not the bot, and neither other bots, nor teams, channels and tags."""
        people: dict[str, Mention] = {}
        for mark in self.marks():
            identity = mark.mentioned["id"]
            kind = mark.mentioned.get("type", "person")
            if not mark.of_bot and kind == "person" and not identity.startswith(_NOBODY):
                name = _line(mark.mentioned.get("name"), _NAME_CHARS).strip()
                name = name or _line(mark.name, _NAME_CHARS).strip()
                people.setdefault(identity, Mention(UserId(identity), name))
        return tuple(people.values())


_NOBODY = ("28:", "19:")
"""How the ids of bots and of conversations begin."""


class _Mark(msgspec.Struct, frozen=True):
    """A mention as it stands in the text, and whom it names."""

    text: str
    of_bot: bool
    mentioned: Json

    @property
    def name(self) -> str:
        """What people read."""
        return _TAG.sub("", self.text)


# HTML is only measured here; reading it is intake's business.
_BREAK = re.compile(
    r"<(?:br|/?(?:p|div|tr|li|h[1-6]|pre|blockquote|table))\b[^<>]*>", re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]*>")
_TABLE = re.compile(r"<(?:table|pre|li)\b", re.IGNORECASE)
_MENTION_SPAN = re.compile(
    r"<(span|at)\b(?P<attributes>[^<>]*)>(?P<name>[^<>]*)</\1>", re.IGNORECASE
)


def _carries_more(html: str, text: str) -> bool:
    """Tell whether HTML has structure, lines or characters that the plain text lacks."""
    lines = _lines(_TAG.sub("", _BREAK.sub("\n", html)))
    plain = _lines(_TAG.sub("", text))
    if len(lines) > len(plain) or (lines and _TABLE.search(html)):
        return True
    return sum(map(len, lines)) > sum(map(len, plain))


def _lines(text: str) -> list[str]:
    """Return the lines that have something to see, without blanks: the two forms differ in those for no reason."""
    squeezed = ("".join(line.split()) for line in unescape(text).split("\n"))
    return [line for line in squeezed if line]


def _without_marks(html: str, marks: list[_Mark]) -> str:
    """Return HTML without the marked-up mentions of the bot, and with the names of other people without their marks."""
    of_bot: dict[str, list[bool]] = {}
    for mark in marks:
        of_bot.setdefault(unescape(mark.name), []).append(mark.of_bot)

    def cut(found: re.Match[str]) -> str:
        if found[1].lower() == "at" or "schema.skype.com/Mention" in found["attributes"]:
            left = of_bot.get(unescape(found["name"]))
            if left:
                return "" if left.pop(0) else found["name"]
        return found[0]

    return _MENTION_SPAN.sub(cut, html) if marks else html


def _file_kind(attachment: Json, content: Json) -> str:
    """Return the type of a file in lower case, by its own word or its name's ending."""
    kind, name = content.get("fileType"), attachment.get("name")
    if isinstance(kind, str) and kind:
        return kind.lower()
    return name.rpartition(".")[2].lower() if isinstance(name, str) else ""


def _inputs(data: Json) -> dict[str, str]:
    """Return what was typed into a card's fields: the keys beside ours."""
    inputs: dict[str, str] = {}
    for key, value in data.items():
        if key != DATA_KEY and isinstance(value, str) and _is_id(key, _PRESS_CHARS):
            inputs[key] = _without_nul(value)[: limits.NOTE_CHARS]
            if len(inputs) == _INPUTS:
                break
    return inputs


def _claim(ours: Json, key: str) -> str | None:
    """Return an id from a card's data, "" where it has none, None where it is no id."""
    value = ours.get(key, "")
    return value if value == "" or _is_id(value, _PRESS_CHARS) else None


def _whole(value: object, least: int, most: int, *, usual: int) -> int:
    """Return a whole number within bounds; what is none is the usual one."""
    if not isinstance(value, int) or isinstance(value, bool):
        return usual
    return min(max(value, least), most)


def _is_number(value: str | None) -> TypeGuard[str]:
    return value is not None and re.fullmatch(r"[0-9]{1,9}", value, re.ASCII) is not None


def _scope(conversation: Json) -> Scope:
    """Return the scope; whatever is not surely a chat of two is treated as one where others read along."""
    match conversation.get("conversationType"):
        case "personal":
            return Scope.PERSONAL
        case "channel":
            return Scope.CHANNEL
        case None:
            return Scope.GROUP if conversation.get("isGroup") else Scope.PERSONAL
        case _:
            return Scope.GROUP


def _activity_id(raw: Json) -> str:
    """Return the activity's id. One that has none is known by its content, which a second delivery has too."""
    given = raw.get("id")
    if given is None or given == "":
        try:
            content = msgspec.json.encode(raw, order="deterministic")
        except RecursionError as error:
            raise RequestRefused(400, "the activity is nested too deeply") from error
        return hashlib.sha256(content).hexdigest()
    if not _is_id(given, _ID_CHARS):
        raise RequestRefused(400, "the activity's id is not an id")
    return given


def _object(raw: Json, key: str) -> Json:
    value = raw.get(key)
    if not isinstance(value, dict):
        raise RequestRefused(400, f"the activity's {key} is not an object")
    return value


def _objects(value: object, *, hashable: str | None = None) -> Iterator[Json]:
    """Yield the objects of a list; whatever is none is left out, and so are those whose named field is no text."""
    for entry in value[:_LISTED] if isinstance(value, list) else ():
        if isinstance(entry, dict) and (hashable is None or isinstance(entry.get(hashable), str)):
            yield entry


def _id(raw: Json, key: str, longest: int) -> str:
    value = raw.get(key)
    if not _is_id(value, longest):
        raise RequestRefused(400, f"the activity's {key} is not an id")
    return value


def _is_id(value: object, longest: int) -> TypeGuard[str]:
    """Tell whether a value is a text that can be an id: not empty, not too long, nothing invisible in it."""
    return isinstance(value, str) and 0 < len(value) <= longest and not _CONTROL.search(value)


def _line(value: object, longest: int) -> str:
    return _CONTROL.sub(" ", value[:longest]) if isinstance(value, str) else ""


def _without_nul(text: str) -> str:
    """Return a text without NUL, which no database keeps."""
    return text.replace("\x00", "") if "\x00" in text else text
