"""Activities as Teams sends them, and what the edge makes of each."""

from __future__ import annotations

from typing import Any

import pytest

from bot.model.event import (
    Address,
    Arrived,
    Attached,
    Mention,
    Person,
    Pressed,
    Said,
    Scope,
    Unusable,
)
from bot.model.ids import UserId
from tests.edge.conftest import OpenRecorder
from tests.edge.far_side import (
    ADA,
    ADA_ENTRA,
    BO,
    BOT,
    CHANNEL_ID,
    CHAT,
    SERVICE_URL,
    TENANT,
    channel_message,
    execute,
    html_message,
    installed,
    members_added,
    mention,
    message,
    press_data,
    query,
    search,
    submit,
    ticket_data,
    uploaded,
    without,
)


async def test_a_typed_message_becomes_what_was_said(open_recorder: OpenRecorder) -> None:
    """A plain message arrives with its text, its sender, its place, its id and its language."""
    recorder = await open_recorder()
    incoming = await recorder.one(message("  my mail came back  "))
    assert incoming.event == Said("my mail came back")
    assert incoming.address == Address(
        channel="msteams",
        service_url=SERVICE_URL,
        conversation=incoming.address.conversation,
        scope=Scope.PERSONAL,
        user=incoming.address.user,
        user_name="Ada Example",
        user_key=ADA_ENTRA,
        bot=BOT,
        tenant=TENANT,
    )
    assert (incoming.address.conversation, incoming.address.user) == (CHAT, ADA)
    assert (incoming.activity, incoming.locale, incoming.inline) == ("1700000000001", "nb", False)


async def test_html_is_used_where_the_plain_text_lost_lines(open_recorder: OpenRecorder) -> None:
    """A paste whose lines the client flattened is read from its HTML."""
    recorder = await open_recorder()
    html = "<p>Your message couldn't be delivered.</p><p>Remote Server returned '550 5.1.10'</p>"
    flat = "Your message couldn't be delivered. Remote Server returned '550 5.1.10'"
    assert (await recorder.one(html_message(flat, html))).event == Said(html)


async def test_html_is_used_where_it_has_a_table(open_recorder: OpenRecorder) -> None:
    """Columns of a pasted table exist in the HTML only."""
    recorder = await open_recorder()
    html = "<table><tr><td>Recipient</td><td>ada@contoso.com</td></tr></table>"
    incoming = await recorder.one(html_message("Recipientada@contoso.com", html))
    assert incoming.event == Said(html)


async def test_plain_text_is_used_where_html_adds_nothing(open_recorder: OpenRecorder) -> None:
    """A typed answer stays a typed answer, although the client wraps it in HTML too."""
    recorder = await open_recorder()
    html = "<div><div>1 &amp; done</div></div>"
    assert (await recorder.one(html_message("1 & done", html))).event == Said("1 & done")


async def test_the_bots_mention_is_removed_by_its_entity(open_recorder: OpenRecorder) -> None:
    """Only the mention goes: the bot's name elsewhere in the text stays."""
    recorder = await open_recorder()
    text = "<at>Bouncedesk</at> the Bouncedesk said Bouncedesk"
    incoming = await recorder.one(channel_message(text))
    assert incoming.event == Said("the Bouncedesk said Bouncedesk")


async def test_the_blank_behind_a_mention_goes_too(open_recorder: OpenRecorder) -> None:
    """The client writes a hard blank behind a mention as `&nbsp;`, which nobody typed."""
    recorder = await open_recorder()
    activity = channel_message("<at>Bouncedesk</at>&nbsp;1 &nbsp; 2")
    assert (await recorder.one(activity)).event == Said("1 &nbsp; 2")


async def test_a_colleague_of_the_bots_name_stays_mentioned(open_recorder: OpenRecorder) -> None:
    """A mention of somebody else stays in the text as a name, whatever they are called."""
    recorder = await open_recorder()
    other = {"type": "mention", "mentioned": {"id": "29:other"}, "text": "<at>Bouncedesk</at>"}
    activity = message("ask <at>Bouncedesk</at> about it", entities=[other])
    expected = Said("ask Bouncedesk about it", (Mention(UserId("29:other"), "Bouncedesk"),))
    assert (await recorder.one(activity)).event == expected


async def test_people_who_are_mentioned_are_named(open_recorder: OpenRecorder) -> None:
    """Who is mentioned beside the bot comes along with the id that a mention of ours needs, each once; their names stay in the text."""
    recorder = await open_recorder()
    text = "<at>Bouncedesk</at>&nbsp;on call <at>Bo Example</at> and <at>Ada</at>, not <at>Bo Example</at>"
    bo, ada = mention(BO, "Bo Example"), mention(ADA, "Ada")
    ada["mentioned"]["name"] = "Ada Example"
    incoming = await recorder.one(channel_message(text, bo, ada, bo))
    assert incoming.event == Said(
        "on call Bo Example and Ada, not Bo Example",
        (Mention(UserId(BO), "Bo Example"), Mention(UserId(ADA), "Ada Example")),
    )


async def test_people_are_named_in_html_too(open_recorder: OpenRecorder) -> None:
    """Where the HTML carries more, the marks of people are taken off their names there."""
    recorder = await open_recorder()
    span = '<span itemtype="http://schema.skype.com/Mention" itemscope itemid="{}">{}</span>'
    html = f"<p>{span.format(0, 'Bouncedesk')} on call {span.format(1, 'Bo &amp; Co')}</p><p>today</p>"
    activity = channel_message(
        "<at>Bouncedesk</at> on call <at>Bo & Co</at> today",
        mention(BO, "Bo & Co"),
        attachments=[{"contentType": "text/html", "content": html}],
    )
    expected = Said("<p> on call Bo &amp; Co</p><p>today</p>", (Mention(UserId(BO), "Bo & Co"),))
    assert (await recorder.one(activity)).event == expected


@pytest.mark.parametrize(
    "entity",
    [
        mention("28:another-bot", "Weather"),
        mention(CHANNEL_ID, "General", type="channel"),
        mention("MjY4tag", "On call", type="tag"),
        {"type": "mention", "mentioned": {"id": ""}, "text": "<at>x</at>"},
        {"type": "mention", "mentioned": {"id": 7}, "text": "<at>x</at>"},
        {"type": "mention", "mentioned": {"id": "29:a\nb"}, "text": "<at>x</at>"},
        {"type": "mention", "mentioned": {"id": "29:x"}, "text": ["<at>x</at>"]},
        {"type": "mention", "mentioned": "29:x", "text": "<at>x</at>"},
        {"type": "clientInfo", "mentioned": {"id": "29:x"}, "text": "<at>x</at>"},
    ],
    ids=str,
)
async def test_only_people_can_be_mentioned(
    open_recorder: OpenRecorder, entity: dict[str, Any]
) -> None:
    """Bots, channels, tags and forgeries are nobody who could be alerted."""
    recorder = await open_recorder()
    event = (await recorder.one(channel_message("<at>Bouncedesk</at> on call x", entity))).event
    assert event == Said("on call x")


async def test_a_mentions_name_cannot_bring_in_markup(open_recorder: OpenRecorder) -> None:
    """The name of a mention is a line without control characters, cut where no name goes on."""
    recorder = await open_recorder()
    entity = mention(BO, "Bo")
    entity["mentioned"]["name"] = "Bo\n\u0000Example" + "!" * 500
    event = (await recorder.one(channel_message("<at>Bo</at> here", entity))).event
    assert isinstance(event, Said)
    (named,) = event.mentions
    assert named.name.startswith("Bo  Example!")
    assert len(named.name) == 200
    assert event.text == "Bo here"


async def test_a_search_carries_what_was_typed(open_recorder: OpenRecorder) -> None:
    """A search arrives with its words, its list, its page, and who asks from where."""
    recorder = await open_recorder()
    await recorder.post(search(query("  contoso.com 5.1.10 ", "closed", 25, 10)))
    (asked,) = recorder.searches
    assert (asked.words, asked.kind) == ("contoso.com 5.1.10", "closed")
    assert (asked.skip, asked.limit) == (25, 10)
    assert asked.person == Person(ADA_ENTRA, "Ada Example")
    assert (asked.address.user, asked.locale) == (ADA, "nb")


async def test_a_search_begins_with_the_list(open_recorder: OpenRecorder) -> None:
    """Before anything is typed the client asks with words of its own, which are none of the person's."""
    recorder = await open_recorder()
    await recorder.post(search(query("", "unassigned")))
    (asked,) = recorder.searches
    assert (asked.words, asked.kind, asked.skip, asked.limit) == ("", "unassigned", 0, 25)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ("", "", 0, 25)),
        ([], ("", "", 0, 25)),
        ({}, ("", "", 0, 25)),
        ({"commandId": 7, "parameters": "x", "queryOptions": []}, ("", "", 0, 25)),
        ({"commandId": "c" * 129}, ("", "", 0, 25)),
        (query("x", "no-such-list"), ("x", "no-such-list", 0, 25)),
        (query("x", skip=-1, count=0), ("x", "recent", 0, 1)),
        (query("x", skip=10**12, count=10**12), ("x", "recent", 1_000, 25)),
        (query("x") | {"queryOptions": {"skip": "5", "count": True}}, ("x", "recent", 0, 25)),
        (query("a\u0000b\nc"), ("a b c", "recent", 0, 25)),
        (query("w" * 5_000), ("w" * 200, "recent", 0, 25)),
        (query("x") | {"parameters": [{"name": "query", "value": {}}, 7]}, ("", "recent", 0, 25)),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_forged_searches_are_clamped(
    open_recorder: OpenRecorder, value: object, expected: tuple[str, str, int, int]
) -> None:
    """A search of any shape is a search; what is no text or no number, too long or out of bounds, is not believed."""
    recorder = await open_recorder()
    status, _ = await recorder.post(search(value))
    assert status == 200
    (asked,) = recorder.searches
    assert (asked.words, asked.kind, asked.skip, asked.limit) == expected


async def test_the_mention_is_removed_from_html(open_recorder: OpenRecorder) -> None:
    """In the HTML a mention is marked with a span of its own; a name without that mark stays."""
    recorder = await open_recorder()
    span = (
        '<span itemtype="http://schema.skype.com/Mention" itemscope itemid="0">Bouncedesk</span>'
    )
    html = f"<p>{span} <span>Bouncedesk</span> wrote</p><p>550 5.1.10</p>"
    activity = channel_message(
        "<at>Bouncedesk</at> Bouncedesk wrote 550 5.1.10",
        attachments=[{"contentType": "text/html", "content": html}],
    )
    expected = "<p> <span>Bouncedesk</span> wrote</p><p>550 5.1.10</p>"
    assert (await recorder.one(activity)).event == Said(expected)


async def test_a_channel_thread_is_its_own_conversation(open_recorder: OpenRecorder) -> None:
    """A thread keeps its message id in the conversation, and is known as a place where others read along."""
    recorder = await open_recorder()
    address = (await recorder.one(channel_message("<at>Bouncedesk</at> hi"))).address
    assert address.conversation == f"{CHANNEL_ID};messageid=1699999999999"
    assert address.scope is Scope.CHANNEL


@pytest.mark.parametrize(
    ("conversation", "scope"),
    [
        ({"conversationType": "groupChat"}, Scope.GROUP),
        ({"conversationType": "something-new"}, Scope.GROUP),
        ({"conversationType": 7}, Scope.GROUP),
        ({"isGroup": True}, Scope.GROUP),
        ({}, Scope.PERSONAL),
    ],
)
async def test_scope_is_never_more_private_than_sure(
    open_recorder: OpenRecorder, conversation: dict[str, Any], scope: Scope
) -> None:
    """A conversation of an unknown type is treated as one where others read along."""
    recorder = await open_recorder()
    place = {"id": CHAT, "tenantId": TENANT} | conversation
    assert (await recorder.one(message(conversation=place))).address.scope is scope


@pytest.mark.parametrize("text", [None, "", "   \n ", "<at>Bouncedesk</at>"])
async def test_a_message_without_text_is_empty(
    open_recorder: OpenRecorder, text: str | None
) -> None:
    """Nothing said, or nothing but the bot's name, is told to be empty."""
    recorder = await open_recorder()
    activity = channel_message(text or "") if text else message(text)
    assert (await recorder.one(activity)).event == Unusable("empty")


async def test_a_picture_is_no_upload_we_can_read(open_recorder: OpenRecorder) -> None:
    """A screenshot of a bounce is answered with what to send instead."""
    recorder = await open_recorder()
    picture = {"contentType": "image/*", "contentUrl": "https://smba.trafficmanager.net/v3/a"}
    activity = message("", attachments=[picture])
    assert (await recorder.one(activity)).event == Unusable("upload-refused")


async def test_an_upload_is_fetched(open_recorder: OpenRecorder) -> None:
    """A dropped file arrives as its bytes, with what was typed beside it, and without the bot's token being shown to its host."""
    recorder = await open_recorder(upload_hosts=())
    local = await open_recorder(upload_hosts=(recorder.stub.origin,))
    url = local.stub.file("bounce.eml", b"Subject: Undeliverable\r\n\r\nno such user")
    incoming = await local.one(uploaded(f"{url}?tempauth=secret", text="here"))
    assert incoming.event == Attached(b"Subject: Undeliverable\r\n\r\nno such user", "here")
    (asked,) = local.stub.requests(path="/files/bounce.eml")
    assert "authorization" not in asked["headers"]
    assert asked["query"] == {"tempauth": "secret"}


@pytest.mark.parametrize(
    "activity",
    [
        uploaded(name="malware.exe", kind="exe"),
        uploaded(name="bounce.eml", kind="zip"),
        uploaded(name="bounce", kind=None),
        uploaded("https://evil.example.com/bounce.eml"),
        uploaded("https://contoso.sharepoint.com.evil.example/bounce.eml"),
        uploaded("https://evilsharepoint.com/bounce.eml"),
        uploaded("http://contoso-my.sharepoint.com/bounce.eml"),
        uploaded("https://contoso-my.sharepoint.com:8443/bounce.eml"),
        uploaded("https://contoso-my.sharepoint.com@evil.example.com/bounce.eml"),
        uploaded("https://evil.example.com\\@contoso-my.sharepoint.com/bounce.eml"),
        uploaded("file:///etc/passwd"),
        uploaded("http://169.254.169.254/latest/meta-data"),
        uploaded("http://127.0.0.1/bounce.eml"),
        uploaded(""),
        uploaded("https://contoso-my.sharepoint.com/" + "a" * 5_000),
    ],
    ids=str,
)
async def test_files_that_must_not_be_fetched(
    open_recorder: OpenRecorder, activity: dict[str, Any]
) -> None:
    """A file of another type or at another place is refused with an answer, and nobody is asked for it."""
    recorder = await open_recorder()
    assert (await recorder.one(activity)).event == Unusable("upload-refused")
    assert recorder.stub.requests(method="GET", path="/files/bounce.eml") == []


async def test_a_press_carries_its_ids_and_inputs(open_recorder: OpenRecorder) -> None:
    """`Action.Execute` and `Action.Submit` say the same; only the first waits for its card."""
    recorder = await open_recorder()
    data = press_data() | {"note": "please hurry", "number": 7, "msteams": {"type": "x"}}
    executed = await recorder.one(execute(data))
    submitted = await recorder.one(submit(data))
    assert isinstance(executed.event, Pressed)
    assert executed.event == submitted.event
    assert (executed.event.session, executed.event.choice) == ("s-1", "yes")
    assert (executed.event.article, executed.event.node) == ("5.1.10", "start")
    assert (executed.event.content, executed.event.inputs) == ("c-1", {"note": "please hurry"})
    assert (executed.inline, submitted.inline) == (True, False)


async def test_a_press_outside_a_dialog_has_no_article(open_recorder: OpenRecorder) -> None:
    """Cards that belong to no node (the greeting, the preview) name neither article nor node."""
    recorder = await open_recorder()
    data = {"bouncedesk": {"v": "1", "session": "s-1", "choice": "human", "content": "c-1"}}
    event = (await recorder.one(submit(data))).event
    assert isinstance(event, Pressed)
    assert (event.article, event.node, event.choice) == (None, None, "human")


FORGED: dict[str, object] = {
    "no data": None,
    "text": "bouncedesk",
    "list": [],
    "empty": {},
    "of another bot": {"other": "bot"},
    "ours is text": {"bouncedesk": "yes"},
    "ours is a list": {"bouncedesk": []},
    "ours is empty": {"bouncedesk": {}},
    "press v '2'": press_data(v="2"),
    "press v 1": press_data(v=1),
    "press session ''": press_data(session=""),
    "press session 7": press_data(session=7),
    "press session {'$ne': ''}": press_data(session={"$ne": ""}),
    "press session 's' * 129": press_data(session="s" * 129),
    "press session 'a/nb'": press_data(session="a\nb"),
    "press choice None": press_data(choice=None),
    "press choice ['yes']": press_data(choice=["yes"]),
    "press choice True": press_data(choice=True),
    "press node 5.1": press_data(node=5.1),
    "press node '/u0000'": press_data(node="\u0000"),
    "press article {'id': '5.1.10'}": press_data(article={"id": "5.1.10"}),
    "press content []": press_data(content=[]),
    "press content 'c' * 129": press_data(content="c" * 129),
    "ticket ticket 1042": ticket_data(ticket=1042),
    "ticket ticket '-1'": ticket_data(ticket="-1"),
    "ticket ticket '1042; drop table tickets'": ticket_data(ticket="1042; drop table tickets"),
    "ticket ticket '٤٢'": ticket_data(ticket="٤٢"),
    "ticket ticket '9' * 40": ticket_data(ticket="9" * 40),
    "ticket do ''": ticket_data(do=""),
    "ticket do {}": ticket_data(do={}),
    "ticket version None": ticket_data(version=None),
    "ticket version 'three'": ticket_data(version="three"),
}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED)
async def test_forged_presses_are_explained(open_recorder: OpenRecorder, data: object) -> None:
    """Data that none of our cards carries is an unknown press, by either kind of button, and never an exception."""
    recorder = await open_recorder()
    executed = await recorder.one(execute(data))
    assert (executed.event, executed.inline) == (Unusable("unknown-press"), True)
    if data is not None:
        assert (await recorder.one(submit(data))).event == Unusable("unknown-press")
    assert recorder.presses == []


@pytest.mark.parametrize("value", [None, 7, "press", [], {}, {"action": 1}, {"action": {}}])
async def test_forged_invokes_are_explained(open_recorder: OpenRecorder, value: object) -> None:
    """An invoke whose value is no action at all is an unknown press too."""
    recorder = await open_recorder()
    incoming = await recorder.one(execute(press_data()) | {"value": value})
    assert (incoming.event, incoming.inline) == (Unusable("unknown-press"), True)


async def test_inputs_are_capped(open_recorder: OpenRecorder) -> None:
    """Fields beyond what any card of ours has are left out, long ones are cut, and NUL is dropped."""
    recorder = await open_recorder()
    many = {f"field-{number}": "x" for number in range(500)}
    event = (
        await recorder.one(submit(press_data() | {"note": "n\u0000o" + "x" * 9_000} | many))
    ).event
    assert isinstance(event, Pressed)
    assert len(event.inputs) == 20
    assert event.inputs["note"].startswith("nox")
    assert len(event.inputs["note"]) == 2_000


async def test_a_press_on_a_ticket_card(open_recorder: OpenRecorder) -> None:
    """A ticket press goes its own way, with the person who pressed and the version their card showed."""
    recorder = await open_recorder()
    press = await recorder.one_press(execute(ticket_data() | {"resolution": "fixed"}))
    assert (press.number, press.do, press.version) == (1042, "claim", 3)
    assert press.person == Person(ADA_ENTRA, "Ada Example")
    assert (press.inputs, press.inline) == ({"resolution": "fixed"}, True)
    assert (press.activity, press.address.user) == ("f:execute-1", ADA)
    assert recorder.incoming == []


@pytest.mark.parametrize(
    "activity",
    [
        installed(),
        members_added(BOT),
        members_added(ADA, BOT),
        members_added(ADA),
    ],
    ids=["installed", "bot-added", "both-added", "person-in-a-chat-of-two"],
)
async def test_arrivals(open_recorder: OpenRecorder, activity: dict[str, Any]) -> None:
    """An installation, the bot's coming and, in a chat of two, a person's coming are times to say hello."""
    recorder = await open_recorder()
    assert (await recorder.one(activity)).event == Arrived()


GROUP = {"id": "19:group@thread.v2", "conversationType": "groupChat", "tenantId": TENANT}


NOTHING: dict[str, dict[str, Any]] = {
    "removed": installed() | {"action": "remove"},
    "upgraded": installed() | {"action": "add-upgrade"},
    "action is a number": installed() | {"action": 7},
    "no action": without(installed(), "action"),
    "somebody joins a group": members_added("29:bo", conversation=GROUP),
    "nobody joins": members_added(),
    "members are nothing": members_added(7, None, {}, conversation=GROUP),
    "members are text": members_added(conversation=GROUP) | {"membersAdded": "everybody"},
    "the bot leaves": members_added(conversation=GROUP) | {"membersRemoved": [{"id": BOT}]},
    "typing": message("typed", type="typing"),
    "reaction": message(None, type="messageReaction", reactionsAdded=[{"type": "like"}]),
    "edit": message("edited", type="messageUpdate"),
    "deletion": message(None, type="messageDelete"),
    "end": message(None, type="endOfConversation"),
    "event": message(None, type="event", name="x", value={}),
    "unknown type": message(None, type="a-type-of-tomorrow"),
}


@pytest.mark.parametrize("activity", NOTHING.values(), ids=NOTHING)
async def test_what_is_nothing_for_us(
    open_recorder: OpenRecorder, activity: dict[str, Any]
) -> None:
    """Removals, upgrades, typing, reactions, edits and unknown types are taken note of and not answered."""
    recorder = await open_recorder()
    assert await recorder.post(activity) == (200, None)
    assert recorder.incoming == []


async def test_a_missing_id_is_made_from_the_content(open_recorder: OpenRecorder) -> None:
    """Two deliveries of an activity without an id are still known as the same; another one is not."""
    recorder = await open_recorder()
    first = await recorder.one(without(message("a"), "id"))
    again = await recorder.one(without(message("a"), "id"))
    other = await recorder.one(without(message("b"), "id"))
    assert first.activity == again.activity != other.activity
    assert first.activity


async def test_a_person_without_an_entra_id_is_known_by_the_channels(
    open_recorder: OpenRecorder,
) -> None:
    """Guests and other channels have no Entra id: the channel's own serves."""
    recorder = await open_recorder()
    incoming = await recorder.one(without(message(), "from.aadObjectId"))
    assert incoming.address.user_key == ADA


async def test_names_are_made_presentable(open_recorder: OpenRecorder) -> None:
    """A display name comes cut and without control characters."""
    recorder = await open_recorder()
    sender = {"id": ADA, "name": "Ada\n\u0000Example" + "!" * 500}
    name = (await recorder.one(message() | {"from": sender})).address.user_name
    assert name.startswith("Ada  Example!")
    assert len(name) == 200
