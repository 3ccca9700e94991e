"""What operators see of a running bot, and what they tell it: log, metrics, spans, readiness, stop, reload, several processes."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from bot.settings import dialogs_path
from tests.connector import StubConnector, stub_connector
from tests.crowd import Crowd, at_once, more_than_once
from tests.crowd import settings as crowded
from tests.e2e.collector import Collector, collector
from tests.e2e.office import Office, bounce, data_of, helpdesk
from tests.e2e.program import Server, bouncedesk, free_port, server, wait_until

Json = dict[str, Any]

CANARY = "zebra"
"""Stands in everything that a person writes, and nowhere else."""

PEOPLE = 400
"""Who talk to several processes: enough for one to be killed in the middle of it."""

FILE = "application/vnd.microsoft.teams.file.download.info"

_LINE = re.compile(r"^(\w+)(?:\{(.*)\})? ([0-9.e+-]+|\+Inf|NaN)$")


def lines(folder: Path, event: str = "") -> list[Json]:
    """Return the log's lines, those of one event or all."""
    file = folder / "server.log"
    read = file.read_text(encoding="utf-8").splitlines() if file.exists() else ()
    logged: list[Json] = [json.loads(line) for line in read]
    return [line for line in logged if event in ("", line["event"])]


def metrics(bot: Server) -> dict[str, float]:
    """Return every series with its value; its name and labels as they are written."""
    found = (_LINE.match(line) for line in bot.get("/metrics")[1].splitlines())
    return {f"{one[1]}{{{one[2]}}}" if one[2] else one[1]: float(one[3]) for one in found if one}


def ready(bot: Server) -> tuple[int, Json]:
    """Return the status and the report of readiness."""
    status, body = bot.get("/readyz")
    report: Json = json.loads(body)
    return status, report


@pytest.fixture(scope="module")
def stub() -> Iterator[StubConnector]:
    """Return a stand-in for Teams that the tests of this file share."""
    with stub_connector() as started:
        yield started


@pytest.fixture
def connector(stub: StubConnector) -> StubConnector:
    """Return the stand-in, as new."""
    return stub.reset()


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """Return a collector that the programs of this test send spans to, often."""
    with collector() as came:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", came.origin)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield came


# ------------------------------------------------------------------------------------------------------ the log


def test_each_turn_is_one_line_and_all_its_lines_have_its_id(
    tmp_path: Path, connector: StubConnector
) -> None:
    """Three messages make three `turn` lines with ids, place, match, code, ticket and times; a second delivery and a refusal make none."""
    settings = helpdesk(connector.service_url)
    with server(tmp_path, connector.service_url, **settings) as bot:
        office = Office(bot, connector)
        for number, text in enumerate((bounce("contoso.com"), "talk to a human", "send it")):
            message = bot.message(text, activity=f"a{number}", person="ola")
            assert bot.post(message)[0] == 200
        assert bot.post(bot.message("send it", activity="a2", person="ola"))[0] == 200
        assert bot.post(bot.message("x", activity="a3") | {"from": "ola"})[0] == 400
        office.presses("kari", 1001, "claim")
        office.settles()

    first, second, third = lines(tmp_path, "turn")
    assert (first["kind"], first["match"], first["code"]) == ("said", "certain", "5.1.10")
    assert (first["article"], first["node"]) == ("5.1.10", "who-are-you")
    assert (third["did"], third["ticket"]) == ("open", 1001)
    assert first["session"] == third["session"]
    assert first["conversation"] == third["conversation"] != "a:ola"
    for turn in (first, second, third):
        parts = [turn[f"{name}_ms"] for name in ("read", "wait", "decide", "commit")]
        assert sum(parts) == pytest.approx(turn["total_ms"], abs=0.3)
    assert len({turn["turn"] for turn in (first, second, third)}) == 3
    [again] = lines(tmp_path, "activity-repeated")
    assert again["turn"] not in {turn["turn"] for turn in (first, second, third)}
    [refused] = lines(tmp_path, "request-refused")
    assert (refused["status"], "turn" in refused) == (400, False)
    [deed] = lines(tmp_path, "ticket-deed")
    claim = {"ticket": 1001, "do": "claim", "role": "agent", "came_out": "done"}
    assert claim.items() <= deed.items()
    assert deed["turn"]


def test_what_a_delivery_logs_has_the_id_of_the_turn_that_caused_it(
    tmp_path: Path, connector: StubConnector
) -> None:
    """An answer that the channel puts off is logged with the id of its turn."""
    with server(tmp_path, connector.service_url) as bot:
        connector.fault("a:ola", 429, headers={"Retry-After": "1"})
        bot.post(bot.message(bounce("contoso.com"), activity="a", person="ola"))
        wait_until(lambda: bool(connector.shown("a:ola")), 20)
        wait_until(lambda: bool(lines(tmp_path, "delivery-postponed")), 5)

    [turn] = lines(tmp_path, "turn")
    [postponed] = lines(tmp_path, "delivery-postponed")
    assert postponed["turn"] == turn["turn"]


def test_nothing_that_a_person_wrote_leaves_by_log_metrics_or_spans(
    tmp_path: Path, connector: StubConnector, traced: Collector
) -> None:
    """A whole conversation with a marked word in every field: text, names, addresses, files, notes, what agents type and search."""
    settings = helpdesk(connector.service_url) | {"LOG_LEVEL": "DEBUG"}
    with server(tmp_path, connector.service_url, **settings) as bot:
        office = Office(bot, connector)
        people = [
            {"id": "29:kari", "aadObjectId": "key-kari", "name": f"Kari {CANARY}", "email": CANARY}
        ]
        connector.members("19:team@thread.tacv2", people)
        connector.file(f"{CANARY}.eml", f"Subject: {CANARY}\n\n550 5.1.1 {CANARY}".encode())
        for activity in _marked(bot, connector):
            bot.post(activity)
        number = _marked_ticket(office, connector)
        office.presses("kari", number, "claim")
        for form, do, field in (
            ("form-reply", "reply", "text"),
            ("form-note", "note", "text"),
            ("form-resolve", "resolve", "resolution"),
        ):
            office.fills_in("kari", number, form, do, **{field: f"Ask {CANARY}"})
        office.says_in_thread("kari", number, f"to {CANARY}")
        office.searches("kari", CANARY)
        connector.fault("a:ola", 403, body=json.dumps({"error": {"message": CANARY}}))
        bot.post(bot.message(f"{CANARY} again", activity="last", person="ola"))
        office.settles()
        shown = "".join(bot.get(path)[1] for path in ("/metrics", "/readyz", "/healthz"))
        wait_until(lambda: len(traced.named("send")) > 5, 10)
    spans = b"".join(traced.raw).decode("utf-8", "replace")
    log = (tmp_path / "server.log").read_text(encoding="utf-8")

    assert len(lines(tmp_path, "turn")) >= 5
    assert len(lines(tmp_path, "request-refused")) == 4
    assert {line["do"] for line in lines(tmp_path, "ticket-deed")} >= {"claim", "reply", "resolve"}
    for where, said in (("log", log), ("pages", shown), ("spans", spans)):
        assert CANARY not in said.lower(), f"{where}: {_around(said)}"


def _marked(bot: Server, connector: StubConnector) -> Iterator[Json]:
    """Yield what somebody sends with a marked word in all of it, some of it refused."""
    named = {"from": {"id": "29:ola", "name": f"Ola {CANARY}", "aadObjectId": "key-ola"}}
    attached = {
        "contentType": FILE,
        "name": f"{CANARY}.eml",
        "content": {"downloadUrl": f"{connector.origin}/files/{CANARY}.eml", "fileType": "eml"},
    }
    gone = attached | {"content": {"downloadUrl": f"{connector.origin}/files/{CANARY}2.eml"}}
    said = partial(bot.message, person="ola")
    yield said(f"Hello {CANARY}", activity="m1") | named
    yield said("", activity="m2") | named | {"attachments": [attached]}
    yield said("", activity="m3") | named | {"attachments": [gone]}
    yield said("x", activity="m4") | {"value": {"bouncedesk": {"v": CANARY}}}
    yield said(CANARY, activity="m5") | {"locale": CANARY}
    # Refused, each for another reason.
    yield said(CANARY, activity="m6") | {"serviceUrl": f"https://{CANARY}.example.com/"}
    yield said(CANARY, activity="m7") | {"conversation": {"id": CANARY, "tenantId": CANARY}}
    yield said(CANARY, activity="m8") | {"from": CANARY}
    yield {"type": CANARY, "text": CANARY}


def _marked_ticket(office: Office, connector: StubConnector) -> int:
    """Hand over a marked bounce with a marked note; return its number."""
    office.says("ola", bounce(f"{CANARY}.example.com").replace("kari", CANARY))
    human = data_of(office.chat("ola")[-1], choice="human") if _offers_human(office) else None
    if human is None:
        office.says("ola", "talk to a human")
    else:
        office.presses_data("ola", human)
    office.until(lambda: _has(office, "send"))
    send = data_of(office.chat("ola")[-1], choice="send")
    office.presses_data("ola", send, note=f"Note {CANARY}")
    office.until(lambda: bool(office.numbers()))
    assert CANARY in json.dumps(connector.requests(method="POST"))
    return office.numbers()[0]


def _offers_human(office: Office) -> bool:
    office.until(lambda: _has(office, "human"))
    return True


def _has(office: Office, choice: str) -> bool:
    shown = office.chat("ola")
    return bool(shown) and f'"choice": "{choice}"' in json.dumps(shown[-1])


def _around(said: str) -> str:
    at = said.lower().index(CANARY)
    return said[max(0, at - 150) : at + 50]


# ------------------------------------------------------------------------------------------------------- metrics


def test_metrics_count_what_happened(tmp_path: Path, connector: StubConnector) -> None:
    """Turns, codes, outcomes, tickets, deliveries, refusals and the queue are counted."""
    with server(tmp_path, connector.service_url, **helpdesk(connector.service_url)) as bot:
        office = Office(bot, connector)
        office.asks_for_help("ola", "contoso.com")
        office.presses("kari", 1001, "claim")
        bot.post(bot.message("x", activity="x") | {"from": "ola"})
        office.settles()
        seen = metrics(bot)

    for series, value in {
        'bouncedesk_turns_total{event="said",language="en"}': 3,
        'bouncedesk_turn_seconds_count{event="said"}': 3,
        'bouncedesk_matches_total{match="certain"}': 1,
        'bouncedesk_codes_total{code="5.1.10"}': 1,
        'bouncedesk_tickets{state="claimed"}': 1,
        'bouncedesk_ticket_deeds_total{outcome="done",role="agent",verb="claim"}': 1,
        'bouncedesk_requests_refused_total{route="messages",status="400"}': 1,
        "bouncedesk_outbox_depth": 0,
        "bouncedesk_outbox_dead": 0,
        "bouncedesk_store_up": 1,
        "bouncedesk_processes": 1,
    }.items():
        assert seen[series] == value, series
    assert seen['bouncedesk_sends_total{channel="msteams",outcome="sent"}'] >= 5
    assert sum(one.startswith("bouncedesk_content_info{") for one in seen) == 1
    assert seen["process_resident_memory_bytes"] > 1e7


def test_hostile_values_make_no_series(tmp_path: Path, connector: StubConnector) -> None:
    """A thousand languages, codes, people, buttons and paths that nobody knows make hardly more series than one of each."""
    with server(tmp_path, connector.service_url, PERSON_TURNS="10000") as bot:

        def attack(number: int) -> None:
            code = f"550 5.{number % 900}.{number % 700} nobody{number}@example.com unknown"
            message = bot.message(code, activity=f"x{number}", person=f"p{number % 50}")
            bot.post(message | {"locale": f"q{number}-ZZ"})
            ids = {"v": "1", "session": f"s{number}", "choice": f"c{number}"}
            press = bot.press(
                {"bouncedesk": ids | {"article": f"a{number}"}}, activity=f"y{number}"
            )
            bot.post(press)
            bot.post(message | {"type": f"t{number}", "channelId": f"ch{number}"})
            bot.get(f"/path{number}")

        for number in range(10):
            attack(number)
        few = {one.partition("{")[0] for one in metrics(bot)}
        at_once([partial(attack, number) for number in range(10, 300)], width=8)
        seen = metrics(bot)

    per_name = Counter(one.partition("{")[0] for one in seen)
    assert {name.rpartition("_")[0] for name in set(per_name) - few} <= {
        "bouncedesk_codes",
        "bouncedesk_outcomes",
    }
    assert max(count for name, count in per_name.items() if "codes" not in name) < 80
    assert per_name["bouncedesk_codes_total"] < 140
    assert len(seen) < 600


# --------------------------------------------------------------------------------------------------------- spans


def test_spans_tell_where_the_time_of_a_turn_went(
    tmp_path: Path, connector: StubConnector, traced: Collector
) -> None:
    """A turn has a span with `read`, `decide` and `commit` in it, one after the other, and its answer's `send` in the same trace."""
    with server(tmp_path, connector.service_url) as bot:
        bot.post(bot.message(bounce("contoso.com"), activity="a", person="ola"))
        wait_until(lambda: bool(connector.shown("a:ola")), 10)

    [turn] = traced.named("turn")
    [logged] = lines(tmp_path, "turn")
    inside = [*traced.named("read"), *traced.named("decide"), *traced.named("commit")]
    [send] = traced.named("send")
    assert [span.parent for span in (turn, *inside, send)] == [b"", *[turn.id] * 4]
    assert {span.trace for span in (turn, *inside, send)} == {turn.trace}
    assert turn.start == inside[0].start
    assert all(one.end <= two.start for one, two in pairwise(inside))
    assert inside[-1].end <= turn.end <= send.end
    assert turn.facts["bouncedesk.turn"] == logged["turn"] == send.facts["bouncedesk.turn"]
    for name in ("session", "conversation", "article", "node", "match", "code", "language"):
        assert turn.facts[f"bouncedesk.{name}"] == logged[name]
    assert (send.facts["bouncedesk.channel"], send.facts["bouncedesk.outcome"]) == (
        "msteams",
        "sent",
    )
    assert turn.service == "bouncedesk"


def test_a_collector_that_is_away_disturbs_nobody(
    tmp_path: Path, connector: StubConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans that cannot be sent cost no answer, and hold up the end for a few seconds at most."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with server(tmp_path, connector.service_url) as bot:
        bot.post(bot.message(bounce("contoso.com"), activity="a", person="ola"))
        wait_until(lambda: bool(connector.shown("a:ola")), 10)
        began = time.monotonic()
        bot.process.terminate()
        assert bot.process.wait(timeout=20) == 0
    assert time.monotonic() - began < 8


# ----------------------------------------------------------------------------------------------------- readiness


def test_readiness_tells_operators_all_and_strangers_only_whether(
    tmp_path: Path, connector: StubConnector
) -> None:
    """The report names each check; through a proxy only the status is told, and metrics are not there."""
    with server(tmp_path, connector.service_url, connector) as bot:
        status, report = ready(bot)
        assert status == 200
        assert report["status"] == "ready"
        assert {one["name"]: one["status"] for one in report["checks"]} == dict.fromkeys(
            ("database", "outbox", "content", "keys", "token"), "ok"
        )
        assert report["warnings"] == []
        for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
            assert _through_a_proxy(bot, "/readyz", header) == (200, b'{"status":"ready"}')
            assert _through_a_proxy(bot, "/metrics", header) == (404, b"")
        assert "right" not in json.dumps(report)
        assert metrics(bot)['bouncedesk_tokens_total{outcome="bought"}'] == 1


def _through_a_proxy(bot: Server, path: str, header: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(bot.origin.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", path, headers={header: "203.0.113.9"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_without_keys_or_token_it_is_not_ready_and_says_why(
    tmp_path: Path, connector: StubConnector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong secret and metadata that is down make it unready, by name; both right again, it is ready without a restart."""
    connector.metadata(down=True)
    connector.entra({"other": "taken"})
    seen: list[Json] = []
    port = free_port()
    monkeypatch.setattr("tests.e2e.program.free_port", lambda: port)

    def mend_once_seen() -> None:
        wait_until(lambda: len(lines(tmp_path, "token-refused")) > 0, 20)
        wait_until(lambda: len(lines(tmp_path, "signing-keys-unreachable")) > 0, 20)
        with pytest.raises(urllib.error.HTTPError, match="503") as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
        seen.append(json.loads(refused.value.read()))
        connector.metadata()
        connector.entra({"right": "taken"})

    mending = threading.Thread(target=mend_once_seen)
    mending.start()
    with server(tmp_path, connector.service_url, connector) as bot:
        mending.join()
        assert ready(bot)[1]["status"] == "ready"
    [report] = seen
    failed = {one["name"]: one["detail"] for one in report["checks"] if one["status"] == "failed"}
    assert (report["status"], set(failed)) == ("not ready", {"keys", "token"})
    assert failed["token"] == "never had: refused"


def test_what_ends_soon_is_warned_of(tmp_path: Path, connector: StubConnector) -> None:
    """A secret that ends in twenty days is a warning and a metric, and no reason to take the bot away."""
    ends = (datetime.now(UTC) + timedelta(days=20)).date()
    given = {"APP_PASSWORD_EXPIRES": ends.isoformat()}
    with server(tmp_path, connector.service_url, connector, **given) as bot:
        status, report = ready(bot)
        assert status == 200
        [warning] = report["warnings"]
        assert warning.startswith(f"app_password: ends on {ends}")
        stands = metrics(bot)[
            'bouncedesk_credential_expires_timestamp_seconds{credential="app_password"}'
        ]
    assert datetime.fromtimestamp(stands, UTC).date() == ends


# -------------------------------------------------------------------------------------------------------- the end


def test_the_end_loses_nothing_and_repeats_nothing(
    tmp_path: Path, connector: StubConnector
) -> None:
    """Told to stop with turns in flight and a slow channel, then started again: everybody got each answer exactly once."""
    people = [f"person{number}" for number in range(12)]
    with server(tmp_path, connector.service_url) as bot:
        for person in people:
            connector.fault(f"a:{person}", 0, delay=1.5, accept=True)

        def paste(person: str) -> int:
            said = bot.message(bounce(f"{person}.example"), activity=f"{person}-1", person=person)
            return _post_patiently(bot, said)

        answered: list[int] = []
        pasting = [
            threading.Thread(target=lambda one=person: answered.append(paste(one)))
            for person in people
        ]
        for one in pasting:
            one.start()
        wait_until(lambda: len(answered) >= 3, 10)
        bot.process.terminate()
        for one in pasting:
            one.join()
        assert bot.process.wait(timeout=20) == 0
    taken = len(lines(tmp_path, "turn"))
    assert answered.count(200) == taken >= 3

    with server(tmp_path, connector.service_url) as bot:
        for (
            person
        ) in people:  # whoever got no answer is asked again by the channel, with the same id
            said = bot.message(bounce(f"{person}.example"), activity=f"{person}-1", person=person)
            assert bot.post(said)[0] == 200
        wait_until(lambda: all(connector.shown(f"a:{person}") for person in people), 15)
        wait_until(lambda: metrics(bot)["bouncedesk_outbox_depth"] == 0, 15)
    assert [len(connector.shown(f"a:{person}")) for person in people] == [1] * len(people)


def _post_patiently(bot: Server, activity: Json) -> int:
    try:
        return bot.post(activity)[0]
    except OSError:
        return 0


def test_a_draining_bot_says_so_and_still_serves(tmp_path: Path, connector: StubConnector) -> None:
    """With --drain, the word to stop makes it unready at once, while messages are still taken; then it ends with 0."""
    with server(tmp_path, connector.service_url, None, ("--drain", "3")) as bot:
        bot.process.terminate()
        wait_until(lambda: ready(bot)[0] == 503, 2)
        assert ready(bot)[1] == {"status": "stopping", "checks": [], "warnings": []}
        assert bot.post(bot.message("Hello", activity="a", person="ola"))[0] == 200
        assert bot.process.wait(timeout=10) == 0
    assert len(connector.shown("a:ola")) == 1


def test_the_second_word_ends_it_at_once(tmp_path: Path, connector: StubConnector) -> None:
    """Whoever says it twice does not want to wait."""
    with server(tmp_path, connector.service_url, None, ("--drain", "60")) as bot:
        bot.process.terminate()
        wait_until(lambda: bool(lines(tmp_path, "stopping")), 5)
        began = time.monotonic()
        bot.process.terminate()
        assert bot.process.wait(timeout=10) == -signal.SIGTERM
    assert time.monotonic() - began < 2


# ----------------------------------------------------------------------------------------------------- the content


@pytest.fixture
def dialogs(tmp_path: Path) -> Path:
    """Return a copy of the content that a test may change."""
    return Path(shutil.copytree(dialogs_path(), tmp_path / "dialogs"))


def test_an_author_mends_a_word_while_the_bot_runs(
    tmp_path: Path, connector: StubConnector, dialogs: Path
) -> None:
    """After SIGHUP the next card has the new word; content that cannot be used changes nothing and is named in the log."""
    words = dialogs / "shared" / "en.yaml"
    before = words.read_text(encoding="utf-8")
    with server(tmp_path, connector.service_url, DIALOGS=str(dialogs)) as bot:
        version = _version(bot)
        assert "Gnuwelcome" not in _greeting(bot, connector, "ola")

        words.write_text(_mended(before), encoding="utf-8")
        bot.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(lines(tmp_path, "content-reloaded")), 10)
        assert _version(bot) != version
        assert "Gnuwelcome" in _greeting(bot, connector, "per")

        words.write_text(before + "\n  broken: [", encoding="utf-8")
        bot.process.send_signal(signal.SIGHUP)
        wait_until(lambda: bool(lines(tmp_path, "content-unusable")), 10)
        wait_until(lambda: bool(ready(bot)[1]["warnings"]), 3)  # an answer holds for a second
        status, report = ready(bot)
        assert status == 200
        assert report["warnings"][0].startswith("content: ")
        assert "Gnuwelcome" in _greeting(bot, connector, "ida")
        assert metrics(bot)['bouncedesk_content_reloads_total{outcome="failed"}'] == 1

        words.write_text(before, encoding="utf-8")
        bot.process.send_signal(signal.SIGHUP)
        wait_until(lambda: _version(bot) == version, 10)
        wait_until(lambda: ready(bot)[1]["warnings"] == [], 3)

    [unusable] = lines(tmp_path, "content-unusable")
    assert any(re.search(r"shared/en\.yaml:\d+", problem) for problem in unusable["problems"])


def _mended(words: str) -> str:
    """Return the words with another greeting."""
    changed = re.sub(r"(?m)^(\s+greeting-title:).*$", r"\1 Gnuwelcome", words)
    assert changed != words
    return changed


def _version(bot: Server) -> str:
    [series] = [one for one in metrics(bot) if one.startswith("bouncedesk_content_info{")]
    return series


def _greeting(bot: Server, connector: StubConnector, person: str) -> str:
    """Return what somebody new is greeted with."""
    bot.post(bot.message("hello", activity=f"{person}-hello", person=person))
    bot.post(bot.message("start over", activity=f"{person}-over", person=person))
    wait_until(lambda: len(connector.shown(f"a:{person}")) >= 2, 10)
    return json.dumps(connector.shown(f"a:{person}"))


def test_reading_the_content_again_under_load_hurts_nobody(
    tmp_path: Path, connector: StubConnector, dialogs: Path
) -> None:
    """While people talk, the content is read again ten times: every turn is answered, and memory does not grow with it."""
    settings = crowded(connector) | {"DIALOGS": str(dialogs)}
    with server(tmp_path, connector.service_url, **settings) as bot:
        crowd = Crowd(connector, [bot.origin])
        crowd.staff()
        memory: list[float] = []
        at_once([partial(crowd.ask_for_help, number) for number in range(10)], width=5)
        for round_ in range(10):
            bot.process.send_signal(signal.SIGHUP)
            people = range(10 + round_ * 4, 14 + round_ * 4)
            at_once([partial(crowd.ask_for_help, number) for number in people], width=4)
            wait_until(partial(_reloaded, tmp_path, round_ + 1), 20)
            memory.append(metrics(bot)["process_resident_memory_bytes"])
    assert memory[-1] < memory[2] * 1.15, memory
    assert not lines(tmp_path, "turn-failed")
    assert len(lines(tmp_path, "turn")) == 50 * 3


def _reloaded(folder: Path, times: int) -> bool:
    return len(lines(folder, "content-reloaded")) >= times


# ------------------------------------------------------------------------------------------------ several processes


def test_one_of_several_dies_under_load(tmp_path: Path, connector: StubConnector) -> None:
    """Two processes share the port and a SQLite file; one is killed while people talk: another takes its place and nobody is lost."""
    people = [f"person{number}" for number in range(PEOPLE)]
    with server(tmp_path, connector.service_url, PROCESSES="2") as bot:
        wait_until(lambda: metrics(bot)["bouncedesk_processes"] == 2, 20)
        crowd = Crowd(connector, [bot.origin])

        def paste(person: str) -> None:
            said = bot.message(bounce(f"{person}.example"), activity=f"{person}-1", person=person)
            crowd.post(said, 0)

        pasting = threading.Thread(target=lambda: at_once([partial(paste, one) for one in people]))
        pasting.start()
        wait_until(lambda: len(lines(tmp_path, "turn")) > PEOPLE // 3, 20)
        os.kill(lines(tmp_path, "process-started")[1]["pid"], signal.SIGKILL)
        pasting.join()
        wait_until(lambda: len(lines(tmp_path, "process-started")) == 3, 20)
        wait_until(lambda: metrics(bot)["bouncedesk_processes"] == 2, 20)
        counted = metrics(bot)['bouncedesk_turns_total{event="said",language="en"}']
        assert ready(bot)[0] == 200
    # What the dead one was about to send is leased to it for a minute; whoever opens the file alone need not wait for that.
    with server(tmp_path, connector.service_url) as bot:
        wait_until(lambda: metrics(bot)["bouncedesk_outbox_depth"] == 0, 20)

    came = Counter({person: len(connector.shown(f"a:{person}")) for person in people})
    assert min(came.values()) == 1
    # What it had sent and not yet written down comes twice.
    assert len(more_than_once(came)) <= PEOPLE // 10
    served = Counter(line["process"] for line in lines(tmp_path, "turn"))
    assert set(served) == {1, 2}
    # The count of the one that was killed stays. What it had in hand it may have counted and not logged, or logged and not counted.
    assert abs(counted - PEOPLE) <= 16
    [died] = lines(tmp_path, "process-died")
    assert (died["process"], died["status"]) == (2, -signal.SIGKILL)
    assert not lines(tmp_path, "turn-failed")


def test_several_are_told_together(
    tmp_path: Path, connector: StubConnector, dialogs: Path
) -> None:
    """All members read the content again, and all end; nobody is left behind when the parent itself is killed."""
    given = {"PROCESSES": "2", "DIALOGS": str(dialogs)}
    with server(tmp_path, connector.service_url, **given) as bot:
        wait_until(lambda: metrics(bot)["bouncedesk_processes"] == 2, 20)
        bot.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(lines(tmp_path, "content-reloaded")) == 2, 10)
        wait_until(
            lambda: metrics(bot)['bouncedesk_content_reloads_total{outcome="done"}'] == 2, 5
        )
        # As a service manager does that tells the whole group: nobody takes the parent's word for a second one.
        for line in lines(tmp_path, "process-started"):
            os.kill(line["pid"], signal.SIGTERM)
        bot.process.terminate()
        assert bot.process.wait(timeout=20) == 0
    assert {line["process"] for line in lines(tmp_path, "stopping")} == {1, 2}
    assert not list(tmp_path.glob(".metrics-*"))

    with server(tmp_path, connector.service_url, **given) as bot:
        wait_until(lambda: metrics(bot)["bouncedesk_processes"] == 2, 20)
        members = [line["pid"] for line in lines(tmp_path, "process-started")[-2:]]
        bot.kill()
        wait_until(lambda: not any(map(_is_alive, members)), 20)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_several_that_cannot_serve_say_it_once(tmp_path: Path, dialogs: Path) -> None:
    """Content that cannot be used, and a port that is taken, are said once, with status 2; nothing is tried again and again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = bouncedesk(
            "run", "--local", "--processes", "2", "--port", port, "--data", str(tmp_path)
        )
    assert (ended.returncode, port in ended.stderr) == (2, True)

    (dialogs / "codes.yaml").write_text("format: [", encoding="utf-8")
    given = ("--local", "--processes", "2", "--port", "0", "--data", str(tmp_path))
    ended = bouncedesk("run", *given, DIALOGS=str(dialogs))
    assert ended.returncode == 2
    assert ended.stderr.count("The content") == 1
    assert "process-died" not in ended.stderr


def test_the_pages_are_there_while_the_database_is_away(tmp_path: Path) -> None:
    """The bot is alive and counts, it says that it is not ready, and it comes back by itself."""
    with server(tmp_path, "http://127.0.0.1:9/") as bot:
        assert ready(bot)[0] == 200
        file = tmp_path / "bouncedesk.sqlite3"
        file.rename(tmp_path / "away")
        wait_until(lambda: ready(bot)[0] == 503, 10)
        assert urllib.request.urlopen(f"{bot.origin}/healthz", timeout=5).status == 200  # noqa: S310
        assert metrics(bot)["bouncedesk_store_up"] == 0
        database = next(one for one in ready(bot)[1]["checks"] if one["name"] == "database")
        assert database["status"] == "failed"
        (tmp_path / "away").rename(file)
        wait_until(lambda: ready(bot)[0] == 200, 10)
