"""Decides whether a text is a bounce: what speaks for it against what speaks against it.

No single sign decides. A delivery-status part with a failing recipient nearly does; a code in a sentence, a subject, a
phrase each say a little; an automatic reply, a receipt, a help page or a version number take it back.
"""

from __future__ import annotations

import re

import msgspec

from bot.intake.codes import Code, Standing, looks_like_number, reply_codes
from bot.intake.dsn import DeliveryStatus
from bot.intake.layouts import Layout, Says
from bot.intake.page import Page
from bot.intake.talk import TALK
from bot.model import limits
from bot.model.phrases import Found, Phrasebook
from bot.model.report import Kind

_TALK = Phrasebook(TALK)
# These two on lower case: a pattern that ignores case looks at every alternative everywhere.
_DAEMON = re.compile(
    r"mailer-?daemon|postmaster@|mail delivery (?:sub)?system|microsoftexchange[0-9a-f]{8,}|"
    r"mail administrator|system administrator|mdaemon@|<>|delivery-status|mail-daemon|mail_daemon|mailadmin"
)
_SUBJECT_BOUNCE = re.compile(
    r"undeliver|returned mail|delivery (?:status )?notification|failure notice|delivery fail|mail delivery|"
    r"delivery (?:problem|error|status|delay)|non[- ]?deliver|non remis|unzustellbar|onbestelbaar|olevererbar|"
    r"nicht zustellbar"
    r"|non recapitabile|kan ikke leveres|returned to sender|mail failed|mail error|rejected|error sending|"
    r"nondeliver|could not be delivered|not delivered|no se pu[de]|não_?\s?entregue|mail system error|"
    r"message status|warning: (?:message|could)|delayed|無法|退信|エラー|failed|bounce"
)
_SUBJECT_AWAY = re.compile(
    r"(?i)^\s?(?:re:\s)?(?:automatic reply|auto(?:matic)?[ -]?(?:reply|response|svar|antwort)|autoreply|"
    r"autosvar|automatisk svar|automatische antwort|réponse automatique|risposta automatica|"
    r"respuesta automática|resposta automática|out of (?:the )?office|abwesen|vacation|fravær|frånvaro|"
    r"automaattinen|automatisch antwoord|odpowiedź automatyczna|自動応答|自动答复)"
)
_SUBJECT_RECEIPT = re.compile(
    r"(?i)^\s?(?:read|lest|gelesen|lu|leído|letto|lido|läst|læst|gelezen|delivered|levert|relayed|not read|"
    r"return receipt|zugestellt|remis|entregado|consegnato)\s?:|successful mail delivery|delivery receipt"
)
_QUESTION = re.compile(
    r"(?i)\?|^\s?(?:what|which|where|how|why|is there|hva|hvor|hvilke|hvordan|hvorfor|vad|hvad|was|wie|welche|"
    r"qu['e]|quel|comment|cosa|come|wat|hoe)\b"
)
_ASKS_ABOUT = re.compile(
    r"(?i)\b(?:what (?:does|is|are|do|causes?)|what's|how do (?:i|we)|how to|where (?:do|can|is)|which|"
    r"difference between|explain|meaning of|mean(?:s)?\b|hva (?:er|betyr|innebærer)|hva slags|hvor finner|"
    r"forskjellen|betyr|vad (?:är|betyder)|hvad (?:er|betyder)|was (?:ist|bedeutet)|bedeutet|unterschied|"
    r"que signifie|qu'est-ce|différence|qué (?:es|significa)|cosa significa|wat (?:is|betekent)|co oznacza|"
    r"co to|mitä|o que (?:é|significa)|do we have|har vi|is there|finnes det|do you have|list of|liste over|"
    r"can you|kan du forklare|documentation|article)\b"
)


class Verdict(msgspec.Struct, frozen=True):
    """What the text is, with how much spoke for it, and the warnings that came up."""

    kind: Kind
    score: int
    phishing: bool = False


class Signs(msgspec.Struct):
    """Everything that was read before a verdict."""

    page: Page
    status: DeliveryStatus | None
    codes: list[Code]
    phrases: list[Found[Layout]]
    has_recipient: bool
    structured: bool
    """An address opens its own paragraph or stands in a list, as no letter has it."""
    labelled: bool = False
    """An address stands after a label or words that call it the recipient."""


def judge(signs: Signs) -> Verdict:
    """Weigh the signs. `Kind.UNSURE` where a text speaks of a failure without showing one."""
    page = signs.page
    if page.kind == "feedback":
        return Verdict(Kind.NOT_BOUNCE, 0)
    if signs.status and (verdict := _by_status(signs.status)):
        return verdict
    talk: dict[Says, int] = {}
    for found in _TALK.find(page.folded, 0, page.notice[1]):
        talk[found.value.says] = talk.get(found.value.says, 0) + 1
    score = _for(signs, talk)
    against = _against(signs, talk)
    phishing = talk.get(Says.PHISHING, 0) > 0 and not _shows_reply(signs) and _asks_to_click(page)
    if phishing:
        return Verdict(Kind.NOT_BOUNCE, score, phishing=True)
    total = score - against
    if total >= _BOUNCE:
        return Verdict(Kind.BOUNCE, total)
    if _perhaps(signs, talk, score, total):
        return Verdict(Kind.UNSURE, total)
    return Verdict(Kind.NOT_BOUNCE, total)


def _perhaps(signs: Signs, talk: dict[Says, int], score: int, total: int) -> bool:
    """Return whether one more line could settle it: a code that is asked about, a failure without particulars."""
    if total >= _PERHAPS and (signs.codes or score >= _BOUNCE):
        return True
    page = signs.page
    if talk.get(Says.DOCS) or talk.get(Says.AWAY) or page.kind:
        return False
    if signs.codes and _asks_about(page):
        return not all(looks_like_number(page.text, code) for code in signs.codes)
    return score > _PERHAPS and bool(_SUBJECT_PREFIX.match(page.text))


def _asks_about(page: Page) -> bool:
    if page.kind:
        return False
    return bool(
        _QUESTION.search(page.text, 0, _QUESTION_CHARS)
        and _ASKS_ABOUT.search(page.text, 0, _QUESTION_CHARS)
    )


_QUESTION_CHARS = 2_000
_SUBJECT_PREFIX = re.compile(
    r"(?i)(?:subject|emne|betreff|objet|oggetto|asunto|onderwerp)?[\s:]{0,3}(?:undeliverable|kan ikke leveres|"
    r"olevererbart|unzustellbar|non remis|onbestelbaar|non recapitabile|n.o_?\s?entregue|no se puede entregar|"
    r"no se pudo entregar|returned mail|delivery status notification|mail delivery failed|undelivered mail)"
)


_BOUNCE = 3
_PERHAPS = 1


def _by_status(status: DeliveryStatus) -> Verdict | None:
    if status.failing:
        return Verdict(Kind.BOUNCE, 9)
    if status.recipients and all(fields.passes for fields in status.recipients):
        return Verdict(Kind.NOT_BOUNCE, 0)
    return None


def _shows_reply(signs: Signs) -> bool:
    return any(code.standing >= Standing.SLIP for code in signs.codes)


def _asks_to_click(page: Page) -> bool:
    low = page.folded.text
    return any(
        sign in low
        for sign in (
            "http",
            "www.",
            "click",
            "klikk",
            "klick",
            "cliquez",
            "login",
            "logg inn",
            "haz clic",
            "clicca",
            "klik",
        )
    )


def _for(signs: Signs, talk: dict[Says, int]) -> int:
    page = signs.page
    score = _of_code(signs, talk) + _of_phrases(signs) + _of_reason(signs)
    if signs.status and signs.status.fields >= _SOME_FIELDS:
        score += 2
    if page.announces and page.returned_headers.fields:
        score += 3
    elif page.notice[1] < page.returned[1] and score:
        score += 1
    return score + _head_weight(page)


def _of_code(signs: Signs, talk: dict[Says, int]) -> int:
    standing = max((code.standing for code in signs.codes), default=None)
    return 0 if standing is None else _standing_weight(signs, standing, talk)


def _of_phrases(signs: Signs) -> int:
    """Weigh what the notification is made of. A family's own wording says more than ordinary words."""
    page = signs.page
    says = {found.value.says for found in signs.phrases}
    own = {found.value.says for found in signs.phrases if found.value.family}
    score = 0
    if Says.LIST in says:
        score += 3 if signs.has_recipient or Says.LIST in own else 2
    elif signs.structured or (signs.labelled and Says.FAILED in says):
        score += 1
    if Says.FAILED in says or Says.DELAYED in says:
        of_mail = signs.has_recipient or _mentions_mail(page)
        twice = of_mail and _count(signs.phrases, Says.FAILED) > 1
        score += 3 if Says.FAILED in own or twice else 2
    elif _NO_DELIVERY.search(page.folded.text, *_near(page)):
        score += 2
    if Says.HEADLINE in says:
        score += 1 + (_count(signs.phrases, Says.HEADLINE) > 1) + signs.has_recipient
        score += 2 if _HEADLINE.search(page.text, *_near(page)) else 0
    if Says.WRAPPER in says:
        score += min(2, _count(signs.phrases, Says.WRAPPER))
    return score


def _of_reason(signs: Signs) -> int:
    reason = any(found.value.says is Says.REASON for found in signs.phrases)
    if not reason and not signs.codes:
        return 0
    replied = bool(reply_codes(signs.page.text, *_near(signs.page)))
    return replied + (1 + signs.has_recipient if reason else 0)


_HEADLINE = re.compile(
    r"(?i)your message to\s.{1,200}?\s(?:couldn't|could not) be delivered|\bwas(?:n't|"
    r" not) found at \S{1,80}\.\w{2}|weren't found at|unknown to address|action required\s{1,3}recipient"
)
# On the folded text: a pattern that ignores case looks at every alternative everywhere.
_NO_DELIVERY = re.compile(
    r"\b(?:not|un(?:able|successful|deliver\w{0,8})|could(?:n't| not)|can(?:'t|not| not)|fail(?:ed|ure)?|"
    r"error|problem|trouble|impossible|rejected|refused|returned)\b[^.!?]{0,40}\b(?:deliver(?:y|ed|ing|able)?|"
    r"recipients?|mailbox)\b"
    r"|\b(?:deliver(?:y|ed|ing)|recipients?)\b[^.!?]{0,40}\b(?:not|fail(?:ed|ure)?|error|"
    r"problem|impossible|unknown|rejected|refused|unavailable|full|invalid|disabled)\b"
)


def _near(page: Page) -> tuple[int, int]:
    return page.notice[0], min(page.notice[1], page.notice[0] + limits.NOTICE_CHARS)


_SOME_FIELDS = 2


def _count(phrases: list[Found[Layout]], says: Says) -> int:
    return len({found.phrase for found in phrases if found.value.says is says})


def _standing_weight(signs: Signs, standing: Standing, talk: dict[Says, int]) -> int:
    if standing >= Standing.SLIP:
        return 3
    codes = [code for code in signs.codes if not looks_like_number(signs.page.text, code)]
    if not codes:
        return 0
    reported = talk.get(Says.REPORTED, 0) > 0 or signs.has_recipient
    alone = len(signs.page.text) - len(codes[0].code) < _ALONE
    if standing is Standing.NAMED:
        return 3 if reported or alone else 1
    if alone or (reported and _mentions_mail(signs.page)):
        return 3
    # A diagnostic that lost its SMTP reply code: the code opens the text and a reason follows.
    opens = codes[0].start == signs.page.notice[0]
    if opens and any(found.value.says is Says.REASON for found in signs.phrases):
        return 3
    return 1 if _mentions_mail(signs.page) else 0


_ALONE = 14
"""Characters besides the code in a text that is nothing but a code."""


def _mentions_mail(page: Page) -> bool:
    low = page.folded.text
    return "@" in low or any(
        word in low
        for word in (
            "mail",
            "e-post",
            "epost",
            "mejl",
            "bounce",
            "ndr",
            "undeliver",
            "retur",
            "correo",
            "courriel",
            "nachricht",
            "zustell",
            "message",
            "melding",
            "recipient",
            "mottaker",
            "mottagare",
            "empfänger",
            "メール",
            "邮件",
            "почт",
            "письм",
            "poczt",
            "wiadomo",
            "posta",
            "sähköposti",
            "outlook",
            "exchange",
            "office 365",
            "hotmail",
        )
    )


def _head_weight(page: Page) -> int:
    weight = 0
    headers = page.headers
    if headers.fields:
        if _DAEMON.search(headers.first("from").lower()) or headers.first("return-path") == "<>":
            weight += 2
        if "x-failed-recipients" in headers or "x-ms-exchange-message-is-ndr" in headers:
            weight += 3
        if _SUBJECT_BOUNCE.search(headers.first("subject").lower()):
            weight += 2
        if "delivery-status" in page.kind:
            weight += 2
    return weight


def _against(signs: Signs, talk: dict[Says, int]) -> int:
    page = signs.page
    against = 0
    subject = page.headers.first("subject")
    strong = _shows_reply(signs)
    opening = subject or page.text[page.notice[0] : page.notice[0] + _OPENING]
    if _SUBJECT_AWAY.search(opening) or _SUBJECT_RECEIPT.search(opening):
        against += 8
    if talk.get(Says.AWAY) and not strong:
        against += 4 if not _DAEMON.search(page.headers.first("from").lower()) else 1
    if "disposition-notification" in page.kind:
        against += 5
    failing = any(
        f.value.says in (Says.LIST, Says.FAILED) and f.value.family for f in signs.phrases
    )
    if talk.get(Says.RECEIPT) and not strong and not failing:
        against += 6
    docs = talk.get(Says.DOCS, 0)
    quoted = not strong or not (signs.has_recipient or any(f.value.family for f in signs.phrases))
    against += 6 if docs >= _MANUAL else min(6, 3 * docs) if quoted else 0
    if not strong and not talk.get(Says.REPORTED) and _asks_about(page):
        against += 2
    if len({code.code for code in signs.codes}) > _LIST_OF_CODES and not strong:
        against += 4
    return against


_OPENING = 80
"""Characters of a text without a subject in which one may stand: `Read: …`, `Automatic reply: …`."""
_MANUAL = 3
"""So many signs of a help page outweigh an SMTP reply that it quotes."""
_LIST_OF_CODES = 3
