"""Do tickets reach the helpdesk? The triage channels, whether the bot is installed there, who is on call. Nothing is posted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

import msgspec

from bot.content import load_library
from bot.doctor.database import NotReady, with_store
from bot.doctor.finding import Check, Finding, Flaw, Outcome
from bot.doctor.identity import host_of
from bot.doctor.installation import Area, Installation, listed
from bot.model.errors import ContentError, DeliveryFailed, SettingsError
from bot.model.event import Mention
from bot.model.ids import QueueId
from bot.ports import FALLBACK, Unit
from bot.service import teams_options
from bot.settings import Settings
from bot.teams.clouds import CLOUDS
from bot.teams.connector import Connector
from bot.teams.hosts import Origins, is_loopback
from bot.teams.room import TeamsRoom

_ID = re.compile(r"19:[A-Za-z0-9_-]+@thread\.(?:tacv2|skype|v2)", re.ASCII)
_HTTP = re.compile(r"HTTP (\d{3})(?: (\w+))?")
_PAGES = 20
_SETTINGS = "BOUNCEDESK_TRIAGE_TEAM_ID and BOUNCEDESK_TRIAGE_CHANNEL_ID"

IDS = Check("triage-ids", "Ids of the triage channel")
NONE = Flaw(
    check=IDS,
    name="none",
    outcome=Outcome.WARNING,
    means="Tickets are kept, and nobody at the helpdesk is told of them; `bouncedesk tickets` works on them.",
    next_step=f"Set {_SETTINGS}, or name queues in dialogs/triage.yaml.",
)
MALFORMED = Flaw(
    check=IDS,
    name="malformed",
    means="The ids of teams and channels look like 19:…@thread.tacv2. A link, a name or a GUID (groupId) is something else.",
    next_step="In Teams choose `Get link to channel` (or to team), and take from it what begins with 19: (%3A is a :, %40 an @).",
)
CHANNEL_IS_TEAM = Flaw(
    check=IDS,
    name="channel-is-team",
    outcome=Outcome.WARNING,
    means="The id of a team is that of its first channel, General: tickets are posted there. Most often one id was pasted twice.",
    next_step="If the helpdesk has a channel of its own for tickets, set {setting} to its id.",
)

HOSTS = Check("service-url", "Connector address")
HOSTS_MALFORMED = Flaw(
    check=HOSTS,
    name="hosts-malformed",
    means="The bot does not start with it.",
    next_step="Write each entry of {setting} as `host` or `https://host:port`; plain http only to this machine.",
)
NOT_ALLOWED = Flaw(
    check=HOSTS,
    name="not-allowed",
    means="The bot shows its token only to the connector's own hosts: nothing is posted to the triage channel.",
    next_step="Set BOUNCEDESK_TRIAGE_SERVICE_URL to the connector's address of the team's region, like https://smba.trafficmanager.net/emea/.",
)

TEAM = Check("triage-team", "Triage team")
NOT_INSTALLED = Flaw(
    check=TEAM,
    name="not-installed",
    means="The bot may only speak in teams that the app was added to.",
    next_step="In Teams, add the app to the team: Apps > Bouncedesk > the arrow beside Open > Add to a team.",
)
TEAM_NOT_FOUND = Flaw(
    check=TEAM,
    name="not-found",
    means="There is no such team at this address: the id is another one's, or the team lives in another region.",
    next_step="Copy the team's id again from its link; if it is right, set BOUNCEDESK_TRIAGE_SERVICE_URL to the team's region.",
)
BLOCKED = Flaw(
    check=TEAM,
    name="blocked",
    means="The organisation's administrators have blocked the app.",
    next_step="Have it allowed: Teams admin center > Teams apps > Manage apps > Bouncedesk.",
)
TOKEN_REFUSED = Flaw(
    check=TEAM,
    name="token-refused",
    means="Entra sold a token and the channel does not take it: no Azure Bot has this app id, or it is another cloud's.",
    next_step="See that the Azure Bot resource has BOUNCEDESK_APP_ID as its Microsoft App ID, and the Teams channel switched on.",
)
TEAM_UNREACHED = Flaw(
    check=TEAM,
    name="unreached",
    means="Nobody can say whether tickets reach the channel.",
    next_step="Let this machine reach {host} on port 443, and try again in a minute.",
)

CHANNEL = Check("triage-channel", "Triage channel")
NOT_IN_TEAM = Flaw(
    check=CHANNEL,
    name="not-in-team",
    means="The team is there and has no such channel that the bot may see: it was deleted, is private, or is another team's.",
    next_step="Copy the channel's id again from its link (`Get link to channel`), and set {setting} to it.",
)

ON_CALL = Check("on-call", "On call")
LEFT = Flaw(
    check=ON_CALL,
    name="left",
    outcome=Outcome.WARNING,
    means="Who is not in the team is not alerted, so new tickets may wait unseen.",
    next_step="In the channel, write `@Bouncedesk on call` and mention those who are.",
)


class Place(msgspec.Struct, frozen=True):
    """A team and its channel, and where they are named."""

    queue: QueueId
    team: str
    channel: str

    @property
    def about(self) -> str:
        """Which one it is, where there are several."""
        return f"queue {self.queue}" if self.queue else ""

    @property
    def setting(self) -> str:
        """What to change."""
        return (
            f"`channel` of {self.queue} in dialogs/triage.yaml"
            if self.queue
            else "BOUNCEDESK_TRIAGE_CHANNEL_ID"
        )


async def look(installation: Installation) -> Sequence[Finding]:
    """Look at the ids first, then at what is behind them."""
    settings = installation.settings
    named = places(settings)
    found = [*ids(named), *service_url(settings, local=installation.local)]
    sound = [
        place for place in named if _ID.fullmatch(place.team) and _ID.fullmatch(place.channel)
    ]
    because = ""
    if not sound:
        because = "no ids are set that could be asked for."
    elif any(one.outcome is Outcome.PROBLEM and one.id.startswith(HOSTS.id) for one in found):
        because = "the connector's address is wrong."
    elif installation.local and not is_loopback(urlsplit(settings.triage_service_url).hostname):
        because = "with --local the bot has no token for Teams."
    if because:
        return [*found, *(check.not_checked(because) for check in (TEAM, CHANNEL, ON_CALL))]
    try:
        options = teams_options(settings, local=installation.local)
        async with TeamsRoom(options, installation.clock) as room:
            return [*found, *await _visit(settings, room.connector, sound)]
    except SettingsError:
        because = "the registration is not complete; see above."
        return [*found, *(check.not_checked(because) for check in (TEAM, CHANNEL, ON_CALL))]


AREA = Area("triage", "Triage", look)


def places(settings: Settings) -> list[Place]:
    """Return the channels that the settings and the content name; content that cannot be read names none."""
    try:
        queues = load_library(settings.dialogs).triage.queues
    except (ContentError, OSError):
        queues = ()
    by_settings = Place(FALLBACK, settings.triage_team_id, settings.triage_channel_id)
    by_content = (
        Place(queue.id, queue.team or settings.triage_team_id, queue.channel) for queue in queues
    )
    return [place for place in (by_settings, *by_content) if place.channel]


# ---------------------------------------------------------------------------------------------------------- judgement


def ids(named: Sequence[Place]) -> Iterator[Finding]:
    """Judge the ids by their form."""
    if not named:
        yield NONE.found("No triage channel is named.")
        return
    wrong = 0
    for place in named:
        bad = [
            what
            for what, id_ in (("team", place.team), ("channel", place.channel))
            if not _ID.fullmatch(id_)
        ]
        if bad:
            wrong += 1
            seen = f"The id of the {listed(bad)} is not one of Teams."
            yield MALFORMED.found(seen, about=place.about)
        elif place.team == place.channel:
            wrong += 1
            seen = "Team and channel have the same id."
            yield CHANNEL_IS_TEAM.found(seen, about=place.about, setting=place.setting)
    if not wrong:
        yield IDS.ok(f"{len(named)} named, of the form that Teams has.")


def service_url(settings: Settings, *, local: bool) -> Iterator[Finding]:
    """Judge where the triage team is said to live, and the hosts that are allowed besides the cloud's own."""
    entries: Mapping[str, Iterable[str]] = {
        "BOUNCEDESK_SERVICE_HOSTS": settings.service_hosts.split(","),
        "BOUNCEDESK_UPLOAD_HOSTS": settings.upload_hosts.split(","),
    }
    extra: list[str] = []
    wrong = False
    for setting, hosts in entries.items():
        for entry in filter(None, map(str.strip, hosts)):
            try:
                Origins((), extra=(entry,))
            except SettingsError:
                wrong = True
                seen = f"{setting} has an entry that is no host."
                yield HOSTS_MALFORMED.found(seen, setting=setting)
            else:
                extra.append(entry)
    hosts_of_cloud = CLOUDS[settings.cloud].connector_hosts
    if not Origins(hosts_of_cloud, extra=extra, loopback=local).admits_service(
        settings.triage_service_url
    ):
        seen = f"{host_of(settings.triage_service_url)} is none of the connector's hosts."
        yield NOT_ALLOWED.found(seen)
    elif not wrong:
        yield HOSTS.ok(f"{host_of(settings.triage_service_url)}.")


def refused(place: Place, error: DeliveryFailed, host: str) -> Finding:
    """Return what it means that the channel does not answer for a team."""
    read = _HTTP.search(error.detail)
    status, code = (int(read[1]), read[2] or "") if read else (0, "")
    seen = f"{host} answers {status}{f' {code}' if code else ''}."
    if not status:
        if "token" in error.detail:
            return TEAM.not_checked("there is no token; see above.", about=place.about)
        return TEAM_UNREACHED.found(f"{host} does not answer.", about=place.about, host=host)
    if code == "BotNotInConversationRoster":
        return NOT_INSTALLED.found(seen, about=place.about)
    if code == "BotDisabledByAdmin":
        return BLOCKED.found(seen, about=place.about)
    if status == 401:  # noqa: PLR2004
        return TOKEN_REFUSED.found(seen, about=place.about)
    if status == 404:  # noqa: PLR2004
        return TEAM_NOT_FOUND.found(seen, about=place.about)
    if status == 403:  # noqa: PLR2004
        return NOT_INSTALLED.found(seen, about=place.about)
    return TEAM_UNREACHED.found(seen, about=place.about, host=host)


def channel(place: Place, channels: Sequence[str]) -> Finding:
    """Judge a channel by those that its team has."""
    if place.channel in channels:
        return CHANNEL.ok("It is one of the team's.", about=place.about)
    seen = f"The team has {len(channels)} channels that the bot sees, and this is none of them."
    return NOT_IN_TEAM.found(seen, about=place.about, setting=place.setting)


def on_call(place: Place, people: int, gone: int) -> Finding:
    """Judge who is alerted, by how many they are and how many of them the team does not know any more."""
    if gone:
        seen = f"{gone} of {people} who are on call are not in the team any more."
        return LEFT.found(seen, about=place.about)
    if not people:
        return ON_CALL.ok("Nobody: new tickets are posted and alert nobody.", about=place.about)
    return ON_CALL.ok(f"{people}, all in the team.", about=place.about)


# ------------------------------------------------------------------------------------------------------------ looking


async def _visit(
    settings: Settings, connector: Connector, named: Sequence[Place]
) -> Sequence[Finding]:
    visited = await asyncio.gather(*(_see(settings, connector, place) for place in named))
    return [finding for findings in zip(*visited, strict=True) for finding in findings]


async def _see(
    settings: Settings, connector: Connector, place: Place
) -> tuple[Finding, Finding, Finding]:
    """Return what is found of a team, its channel, and who is on call there."""
    url, host = settings.triage_service_url, host_of(settings.triage_service_url)
    try:
        count = await _count(connector, url, place.team)
        seen = f"The bot is installed there; {count} members."
        there = channel(place, await connector.channels(url, place.team))
        called = await _on_call(settings, connector, place)
    except DeliveryFailed as error:
        because = "the team could not be asked."
        about = place.about
        return (
            refused(place, error, host),
            CHANNEL.not_checked(because, about=about),
            ON_CALL.not_checked(because, about=about),
        )
    return TEAM.ok(seen, about=place.about), there, called


async def _count(connector: Connector, url: str, team: str) -> int:
    """Return how many members a team has. Raises DeliveryFailed."""
    count, after = 0, ""
    for _ in range(_PAGES):
        entries, after = await connector.members(url, team, after=after)
        count += len(entries)
        if not after:
            break
    return count


async def _on_call(settings: Settings, connector: Connector, place: Place) -> Finding:
    """Look whether those on call are in the team. Raises DeliveryFailed."""

    def people(unit: Unit) -> tuple[Mention, ...]:
        return unit.roster(place.queue).people

    try:
        called = await with_store(settings, lambda store: store.run(people))
    except NotReady as error:
        return ON_CALL.not_checked(error.why, about=place.about)
    url = settings.triage_service_url
    found = await asyncio.gather(*(connector.member(url, place.team, one.user) for one in called))
    return on_call(place, len(called), found.count(None))
