"""Reading `triage.yaml`: which channel a ticket goes to, and when bounces of several people are one problem."""

from bot.content.articles import check_id
from bot.content.fields import Fields
from bot.content.problems import Findings
from bot.content.tree import File, Value
from bot.model.ids import Language, QueueId
from bot.model.library import IncidentRules, Priority, QueueRule, TriageQueue, TriageRules

LONGEST_WINDOW = 7 * 24 * 60
"""Minutes after which the store has forgotten who met which problem."""

MOST_PEOPLE = 1000
"""More would never come together within the window: it is a slip of the keyboard."""


def read_triage(file: File, findings: Findings) -> TriageRules:
    """Read `triage.yaml`. Domains come in lower case, as the ones that bounces are compared by."""
    fields = Fields(file.root, file.at(), findings)
    fields.format()
    queues = tuple(_queue(value, fields) for value in fields.items("queues"))
    incidents = _incidents(fields.fields("incidents"))
    fields.close()
    return TriageRules(queues=queues, incidents=incidents)


def _queue(value: Value, fields: Fields) -> TriageQueue:
    inner = Fields(value, fields.at("queues"), fields.findings)
    id_ = inner.need("id")
    if id_:
        check_id(id_, inner)
    language = inner.text("language")
    queue = TriageQueue(
        id=QueueId(id_),
        channel=inner.need("channel"),
        team=inner.text("team") or "",
        language=Language(language) if language else None,
        when=_rule(inner.fields("when")),
    )
    inner.close()
    return queue


def _rule(fields: Fields) -> QueueRule:
    rule = QueueRule(
        codes=fields.texts("codes"),
        recipient_domains=_domains(fields, "recipient-domains"),
        languages=tuple(Language(tag) for tag in fields.texts("languages")),
        priorities=tuple(
            fields.member("priorities", name, Priority, Priority.NORMAL)
            for name in fields.texts("priorities")
        ),
    )
    fields.close()
    return rule


def _incidents(fields: Fields) -> IncidentRules:
    usual = IncidentRules()
    rules = IncidentRules(
        window_minutes=fields.number(
            "window-minutes", usual.window_minutes, least=1, most=LONGEST_WINDOW
        ),
        people=fields.number("people", usual.people, least=2, most=MOST_PEOPLE),
        apart=_domains(fields, "apart"),
    )
    fields.close()
    return rules


def _domains(fields: Fields, key: str) -> tuple[str, ...]:
    return tuple(domain.lower() for domain in fields.texts(key))
