"""The page of one node of a dialog: what was read, what to do, and the ways on."""

from typing import assert_never

from bot.model import choices
from bot.model.effects import StepScreen
from bot.model.ids import ChoiceId, CodeRowId
from bot.model.library import Article, ArticleProse, Ask, End, Escalate, Lane, Node, Tell
from bot.model.match import Confidence
from bot.model.outgoing import (
    Bullets,
    Button,
    Element,
    Fact,
    Facts,
    Heading,
    Outgoing,
    Paragraph,
    Subheading,
    Weight,
)
from bot.model.session import Bounce, Session
from bot.render.blocks import blocks_of, handout_of
from bot.render.buttons import data_of, label_of, navigation
from bot.render.remarks import chosen_mark, known_problem, note, notice_of, paragraphs, warning
from bot.render.speech import Speech, moment, plain, short

_RECIPIENTS_SHOWN = 3


def step_page(speech: Speech, session: Session, screen: StepScreen) -> Outgoing:
    """Return the page of a node. A chosen answer takes the buttons away."""
    article = speech.library.articles[screen.article]
    node = article.nodes[screen.node]
    prose = article.prose[speech.language]
    words = prose.nodes[node.id]
    chosen = screen.chosen
    return Outgoing(
        language=speech.language,
        summary=_summary(speech, words.title),
        elements=(
            *notice_of(speech, screen.notice),
            *(
                (known_problem(speech, screen.known, advice="known-advice"),)
                if screen.known
                else ()
            ),
            *(_reading(speech, session.bounce) if screen.reading and session.bounce else ()),
            Heading(speech.text(words.title), _kicker(speech, session, node, prose)),
            *paragraphs(speech, words.text),
            *blocks_of(speech, session, article, node),
            *handout_of(speech, session, article, node, prose),
            *_links(speech, node),
            *(
                (Paragraph(speech.word("feedback-question")),)
                if isinstance(node.kind, End)
                else ()
            ),
            *chosen_mark(speech, _label(speech, prose, node, chosen) if chosen else None),
        ),
        buttons=() if chosen else _buttons(speech, session, article, node, prose),
        navigation=() if chosen else navigation(speech, session),
    )


def _kicker(speech: Speech, session: Session, node: Node, prose: ArticleProse) -> str:
    """Say where one is: the article, whose part of it, and how far along."""
    asked = sum(1 for visit in session.trail if not visit.known)
    lane = speech.plain(f"lane-{node.lane.value}") if node.lane is not Lane.ALL else ""
    parts = (prose.title, lane, speech.plain("step-number", number=str(asked + 1)))
    return " · ".join(part for part in parts if part)


def _summary(speech: Speech, title: str) -> str:
    """Return a title without what people wrote: notifications show nothing literally."""
    return plain(Speech(speech.library, speech.language).text(title))


def _reading(speech: Speech, bounce: Bounce) -> tuple[Element, ...]:
    """Say what was read, in plain words, and how sure we are."""
    report, match = bounce.report, bounce.match
    code = " ".join(part for part in (report.smtp_reply, report.status) if part)
    says = " – ".join(part for part in (code, _code_title(speech, match.row)) if part)
    sure = match.confidence is Confidence.CERTAIN
    rows = [
        ("reading-code", says or speech.plain("reading-no-code")),
        *_recipients(speech, report.recipients),
        ("reading-server", report.reporting_mta),
        ("reading-time", moment(report.arrival or "", speech.language)),
        ("reading-subject", report.subject),
        ("reading-confidence", speech.plain("reading-certain" if sure else "reading-likely")),
    ]
    backscatter = (note(speech, speech.word("reading-backscatter")),)
    return (
        Subheading(speech.word("reading-title")),
        Facts(tuple(Fact(speech.plain(name), short(value)) for name, value in rows if value)),
        *(backscatter if report.backscatter.verdict else ()),
        *(warning(speech, speech.word(f"warning-{name}")) for name in report.warnings),
    )


def _recipients(speech: Speech, recipients: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if not recipients:
        return ()
    names = ", ".join(short(recipient) for recipient in recipients[:_RECIPIENTS_SHOWN])
    more = len(recipients) - _RECIPIENTS_SHOWN
    if more > 0:
        names = f"{names} {speech.plain('reading-more', count=str(more))}"
    return (("reading-recipient" if len(recipients) == 1 else "reading-recipients", names),)


def _code_title(speech: Speech, row: CodeRowId | None) -> str:
    found = speech.library.codes.rows.get(row) if row else None
    return found.prose[speech.language].title if found else ""


def _links(speech: Speech, node: Node) -> tuple[Element, ...]:
    if not node.links:
        return ()
    return (
        Subheading(speech.word("links-title")),
        Bullets(tuple((speech.link(link),) for link in node.links)),
    )


def _label(speech: Speech, prose: ArticleProse, node: Node, choice: ChoiceId) -> str:
    """Return the words of a choice at a node, whoever offered it."""
    own = prose.nodes[node.id].choices.get(choice)
    if own is not None:
        return plain(speech.text(own))
    return label_of(speech, choice)


def _buttons(
    speech: Speech, session: Session, article: Article, node: Node, prose: ArticleProse
) -> tuple[Button, ...]:
    """Return what answers a node, its main answer standing out."""
    match node.kind:
        case Ask(choices=offered):
            answers = dict.fromkeys(offered, Weight.CHOICE)
        case Tell():
            answers = {choices.DONE: Weight.PRIMARY, choices.FAILED: Weight.CHOICE}
        case End():
            answers = {choices.USEFUL: Weight.CHOICE, choices.NOT_USEFUL: Weight.CHOICE}
        case Escalate():
            answers = {}
        case _:
            assert_never(node.kind)
    return (
        *(
            Button(_label(speech, prose, node, choice), data_of(session, choice), weight)
            for choice, weight in answers.items()
        ),
        *_handout_buttons(speech, session, article, node),
    )


def _handout_buttons(
    speech: Speech, session: Session, article: Article, node: Node
) -> tuple[Button, ...]:
    if node.handout is None:
        return ()
    shown = session.handout_language or speech.language
    return tuple(
        Button(
            speech.plain("handout-in", language=speech.library.languages[tag].name),
            data_of(session, choices.handout_choice(tag)),
            Weight.QUIET,
        )
        for tag in article.prose
        if tag != shown
    )
