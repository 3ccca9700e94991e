"""`triage.yaml`: queues, their conditions, and when bounces are one problem."""

from __future__ import annotations

import pytest

from bot.content import load_library
from bot.model.ids import Language, QueueId
from bot.model.library import IncidentRules, Library, Priority, QueueRule, TriageQueue, TriageRules
from tests.content.sample import Dialogs

FILE = "triage.yaml"


def test_the_rules_become_values(dialogs: Dialogs) -> None:
    """Queues come in their order with everything that is given, domains in lower case."""
    assert load_library(dialogs.root).triage == TriageRules(
        queues=(
            TriageQueue(
                id=QueueId("full-boxes"),
                channel="19:full@thread.tacv2",
                team="19:team@thread.skype",
                language=Language("nb"),
                when=QueueRule(
                    codes=("5.2.2", "4.2"),
                    recipient_domains=("contoso.com",),
                    languages=(Language("nb"), Language("en")),
                    priorities=(Priority.NORMAL,),
                ),
            ),
            TriageQueue(
                id=QueueId("urgent"),
                channel="19:urgent@thread.tacv2",
                when=QueueRule(priorities=(Priority.URGENT,)),
            ),
        ),
        incidents=IncidentRules(window_minutes=90, people=3, apart=("example.com", "example.net")),
    )


def test_the_file_may_be_missing(dialogs: Dialogs) -> None:
    """Without the file there are no queues, and incidents follow the usual rules."""
    (dialogs.root / FILE).unlink()

    assert dialogs.check() == []
    assert load_library(dialogs.root).triage == TriageRules()


def test_the_version_follows_the_rules(dialogs: Dialogs) -> None:
    """A changed rule is changed content."""
    first = load_library(dialogs.root).version
    dialogs.edit(FILE, "people: 3", "people: 4")

    assert load_library(dialogs.root).version != first


def test_no_card_is_in_a_language_that_is_not_complete(dialogs: Dialogs) -> None:
    """A queue whose language is not offered yet speaks the default one."""
    dialogs.edit("shared/nb.yaml", "reasons:\n", "reasons:\n  gone: Borte\n")
    dialogs.edit("shared/nb.yaml", "  note: note nb\n", "")

    library = load_library(dialogs.root)
    assert list(library.languages) == ["en"]
    assert library.triage.queues[0].language == "en"


def test_ours_has_no_queue_and_keeps_public_mailboxes_apart(library: Library) -> None:
    """As shipped every ticket goes to the channel of the settings, and a mistyped Gmail address makes no incident."""
    assert library.triage.queues == ()
    assert library.triage.incidents.window_minutes == 120
    assert library.triage.incidents.people == 2
    assert {"gmail.com", "outlook.com", "online.no"} <= set(library.triage.incidents.apart)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("format: 1", "format: 2", "error[unknown-format] format 2"),
        ("queues:", "queue:", "error[unknown-key] 'queue' is not known here; did you mean"),
        ("window-minutes:", "window:", "error[unknown-key] 'window' is not known here"),
        ("  when: {", "  whem: {", "error[unknown-key] 'whem' is not known here; did you mean"),
        ("recipient-domains", "domains", "error[unknown-key] 'domains' is not known here"),
        ("- id: urgent", "- id: full-boxes", "error[twice] there is a queue 'full-boxes' already"),
        ("- id: urgent\n  ", "- ", "error[missing-key] 'id' is missing here"),
        ("- id: urgent", "- id: Urgent!", "error[bad-id] 'Urgent!'"),
        ("  channel: 19:urgent@thread.tacv2\n", "", "error[missing-key] 'channel' is missing"),
        ("19:urgent@thread.tacv2", "19:urgent", "error[bad-channel] '19:urgent'"),
        ("19:urgent@thread.tacv2", "19:u@thread.v2", "error[bad-channel] '19:u@thread.v2'"),
        ("19:team@thread.skype", "the team", "error[bad-channel] 'the team'"),
        ("language: nb", "language: nn", "error[unknown-language] 'nn' is no language of ours"),
        ("[nb, en]", "[nb, sv]", "error[unknown-language] 'sv' is no language of ours"),
        ("[5.2.2, ", "['5', ", "error[bad-code] '5' is neither a code nor a family"),
        ("[5.2.2, ", "[5.2.x, ", "error[bad-code] '5.2.x'"),
        ("[5.2.2, ", "[5.2.02, ", "error[bad-code] '5.2.02'"),
        ("[5.2.2, ", "[3.2, ", "error[bad-code] '3.2'"),
        ("Contoso.com", "ola@contoso.com", "error[bad-domain] 'ola@contoso.com' is no domain"),
        ("Contoso.com", "contoso", "error[bad-domain] 'contoso'"),
        ("example.net", "-x.example.net", "error[bad-domain] '-x.example.net'"),
        ("[normal]", "[high]", "error[unknown-word] 'high' is no priorities; known: normal"),
        ("minutes: 90", "minutes: 0", "error[bad-number] 'window-minutes' is a whole number from 1"),
        ("minutes: 90", "minutes: 10081", "error[bad-number]"),
        ("minutes: 90", "minutes: two hours", "error[bad-number]"),
        ("people: 3", "people: 1", "error[bad-number] 'people' is a whole number from 2 to 1000"),
        ("people: 3", "people: ³", "error[bad-number]"),
        ("people: 3", "people: 1" + "0" * 5000, "error[bad-number]"),
        ("incidents:\n", "incidents: soon\nx:\n", "error[wrong-shape]"),
    ],
)  # fmt: skip
def test_a_slip_is_an_error(dialogs: Dialogs, old: str, new: str, problem: str) -> None:
    """Each fault is found on its line with its rule and the next step."""
    dialogs.edit(FILE, old, new)

    found = [str(one) for one in dialogs.check()]
    assert any(one.startswith(f"{FILE}:") and problem in one for one in found), found


def test_a_slip_is_found_on_its_line(dialogs: Dialogs) -> None:
    """An editor can jump to the domain that is none."""
    dialogs.edit(
        FILE,
        "    recipient-domains: [Contoso.com]",
        "    recipient-domains:\n    - a.org\n    - b",
    )

    assert dialogs.only().line == dialogs.line(FILE, "    - b")


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("{}", "{codes: [5.7]}", "has no condition and takes every one"),
        ("{codes: [5.7]}", "{codes: [5.7]}", "has the same condition"),
        ("{codes: [5.7]}", "{codes: [5.7.1], languages: [nb]}", "takes all that it would"),
        ("{codes: [5.7, 5.1]}", "{codes: [5.1.10]}", "takes all that it would"),
        ("{recipient-domains: [contoso.com]}", "{recipient-domains: [no.Contoso.com]}", "takes all"),
        ("{}", "{}", "has no condition"),
    ],
)  # fmt: skip
def test_a_queue_that_never_gets_a_ticket_is_suspicious(
    dialogs: Dialogs, first: str, second: str, said: str
) -> None:
    """A queue behind one that takes all its tickets is a mistake, and the bot runs with it."""
    _queues(dialogs, first, second)

    problem = dialogs.only()
    assert (problem.severity, problem.rule) == ("warning", "hidden-queue")
    assert problem.line == dialogs.line(FILE, "- id: second")
    assert said in problem.message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{codes: [5.7]}", "{}"),
        ("{codes: [5.7.1]}", "{codes: [5.7]}"),
        ("{codes: [5.7]}", "{codes: [5.7.1, 5.1]}"),
        ("{recipient-domains: [contoso.com]}", "{recipient-domains: [notcontoso.com]}"),
        ("{languages: [nb]}", "{priorities: [urgent]}"),
    ],
)  # fmt: skip
def test_a_queue_that_gets_what_is_left_is_sound(
    dialogs: Dialogs, first: str, second: str
) -> None:
    """The narrow one first, and the one for everything else last: that is how it is meant."""
    _queues(dialogs, first, second)

    assert dialogs.check() == []


def _queues(dialogs: Dialogs, first: str, second: str) -> None:
    dialogs.write(
        FILE,
        f"""\
format: 1
queues:
- id: first
  channel: 19:a@thread.tacv2
  when: {first}
- id: second
  channel: 19:b@thread.tacv2
  when: {second}
""",
    )
