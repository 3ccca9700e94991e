"""Decides which of the addresses in a notification failed.

A notification names the sender, the postmaster, forwarding addresses and the failing recipients; which is which shows
in what stands right before and after an address, and in the announcement it follows.
"""

from __future__ import annotations

import re

import msgspec

from bot.intake.addresses import Address, find_addresses
from bot.intake.layouts import Layout, Says
from bot.intake.page import Page
from bot.model.phrases import Found

# What stands right before an address, without the quotation marks and brackets around it, in lower case. Compared by
# its end, so that a phrase also covers what may stand before it.
# fmt: off
_CALLS_RECIPIENT = (
    "rcpt to:", "recipient address:", "recipient addresses:", "original address:", "recipient:",
    "recipients:", "recipient(s):", "recipient=", "failed recipient", " recipient", " to=",
    "\nto=", "x-failed-recipients:", "userid:", "user id:", "mailbox:", "user:", "account:",
    "e-mail address:", "email address:", "address:", "mail address:", 'emailaddress":',
    "emailaddress:", "empfänger:", "mottaker:", "mottagare:", "adresse:", "destinatario:",
    "destinataire :", "destinataire:", "destinatário:", "odbiorca:", "ontvanger:",
    "geadresseerde:", "modtager:", "宛先:", "受信者:", "收件人:", "收件人邮件地址", "收件人地址", "получатель:",
    "invalid address", "unknown address", "unknown user", "bad address", "attempts:",
    "unknown recipient", "rejected recipient", "message to", "mail to", "e-mail to", "email to",
    "messages to", "message to:", "mail to:", "bericht aan", "nachricht an", "melding til",
    "melding til:", "meddelande till", "delivered to", "deliver to", "delivery to",
    "delivering to", "deliver to the recipient", "undeliverable to", "sent to", "send to",
    "sending to", "mailing", "mailed", "mail for", "message for", "response from", "not reach",
    "reach", "failed to", "failed for", "delivered for", "deliver for", "deliver mail for",
    "error in sending to", "the user", "the address", "the mailbox", "the account",
    "the recipient", "to the address", "to address", "to user", "to mailbox", "back from",
    "retur fra", "tilbake fra", "tillbaka från", "retur från", "zurück von", "retour de",
    "terug van", "bounced from", "bounce from", "de vuelta de", "e-post til", "epost til",
    "e-posten til", "eposten til", "mail til", "mailen til", "mejl till", "mejlet till",
    "e-post till", "mail an", "e-mail an", "mail à", "courriel à", "message à", "e-mail à",
    "correo a", "mensaje a", "mensagem para", "e-mail para", "email para", "mail a", "messaggio a",
    "mail naar", "e-mail naar", "bericht naar", "mail do", "maila do", "wiadomość do", "wysłać do",
    "sendte til", "sendt til", "skickade till", "sende til", "sende e-post til", "skicka till",
    "geschickt an", "gesendet an", "schreiben an", "envoyé à", "envoyer à", "enviado a",
    "enviar a", "enviei para", "inviato a", "verstuurd naar", "gestuurd naar", "adresaci",
    "quota violation for", "for user", "following address",
)
_CALLS_OTHER = (
    "from:", "sender:", "sender address:", "reply-to:", "return-path:", "from address:",
    "mail from:", "mail from", "envelope-from", "envelope sender:", "envelope-sender:",
    "envelope from:", "message-id:", "messageid:", "message id:", "references:", "in-reply-to:",
    "cc:", "bcc:", "originator:", "fra:", "von:", "da:", "från:", "absender:", "avsender:",
    "avsändare:", "expéditeur:", "expéditeur :", "remitente:", "mittente:", "afzender:",
    "errors-to:", "author:", "owner:", "originally from", "mailto:", "envelope sender is",
    "sender is", "from=", "sender=", "f=", "s=", "mail from: ", "de:", "van:", "sent by:",
    "contact:", "support:", "helpdesk:", "visit", "list-id:", "postmaster:", "admin:",
    "administrator:",
)
_WRITE_TO = (
    " from", "\nfrom", "sender", "contact", "contact the", "call", "write to", "email us at",
    "e-mail us at", "forwarded to", "forward to", "relayed to", "report to", "report this to",
    "problem to", "postmaster at", "help", "helpdesk", "assistance", "administrator", "support",
    " by", "on behalf of", "please email", "please mail", "please e-mail", "send mail to",
    "send an email to", "send an e-mail to", "send a message to", "abuse to", "kontakt",
    "kontakte", "kontaktieren sie", "contacter", "contactez", "contacte", "contattare",
    "ta kontakt med", "at:", " at", "via", "administrator at", "support at", "or", "support:",
)
_ORIGIN = (
    "generated from", "expanded from", "expanded from:", "derived from", "forwarded from",
    "generated from:",
)
# fmt: on
_FAILING_LABEL = re.compile(
    r"(?:fail|undeliver|unknown|invalid|reject|unable|error|not |attempt|could|wrong|bad |full|exceed)[^\n@:]{0,40}:$"
)
_ECHO = re.compile(
    r"(?:(?<!\d)[245]\d\d[ -]?|\d\.\d{1,3}\.\d{1,3}|said:|\bto|\bhost|\bfor|\bwith|\bfrom|\brecipient|"
    r"\baddress)\s{0,3}<?$"
)
_REPLIED = re.compile(r"(?:^|\D)[45]\d\d(?:[ -]\d\.\d{1,3}\.\d{1,3})?$")
_AFTER_YES = re.compile(
    r"[>'\")\]]{0,3}(?:\s?\.\.\.|:\s|:$|\s?[(\[](?:expanded|reason|user|host|was|mailbox|no such|unknown|"
    r"unrouteable|ultimately|generated from)|"
    r"\s{1,3}(?:could not|couldn't|can ?not|can't|was not|wasn't|were not|does ?n[o']t|is not|isn't|is unknown|"
    r"is invalid|is disabled|unknown|not found|failed|rejected|user unknown|no such|has exceeded|over quota|"
    r"mailbox|because|konnte|kunne|kan ikke|kunde|n'a pas|n'a pu|no se|non è|kan niet|nie |не )|"
    r"\s{1,3}(?:\S{3,255}\s{1,3})?(?:#<|#[45]\d\d|#\d\.|remote server returned|\d{1,2}/\d{1,2}/\d{4} \d)|"
    r";?\s{1,3}on [a-z0-9]{1,4}[,/ ])"
)
_DIAGNOSED = re.compile(r">?\s{1,3}(?:remote server returned|#[45]\d\d|#<)")
_LINE_LEAD = re.compile(r"[\s<>*•·\-'\"(\[\d.)+#|]{0,12}$")
_NAMED_LINE = re.compile(
    r"(?i)[^:@\n]{0,60}[<(\[\s'\"]$|(?:smtp|rcpt|recipient|user|address|for|rfc822|e-?mail)\s?[:;/=]\s?[<'\"]?$"
)
_BETWEEN = re.compile(
    r"(?i)[\s,;:<>()\[\]*•·'\"./-]{0,12}(?:(?:and|og|och|und|et|y|e|en|i)\s)?[<'\"(]?$"
)
_SERVICE = re.compile(
    r"(?i)^(?:mailer-?daemon|postmaster|microsoftexchange[0-9a-f]{10,}|no-?reply|do-?not-?reply|abuse|"
    r"double-bounce|.{0,60}-bounces?|.{0,60}bounces?[-+=].*)@"
)
_LIST_CHARS = 3000
_CONTEXT = 110
_BEFORE = 60
"""Characters before an address in which the words stand that say what it is."""


class Place(msgspec.Struct):
    """An address with how strongly its surroundings call it the failing recipient."""

    address: Address
    standing: int


class Named(msgspec.Struct, frozen=True):
    """The failing addresses that a notification's own words name, each once."""

    addresses: list[Address]
    structured: bool = False
    """They stand in a list or open paragraphs of their own, as no letter has it."""
    labelled: bool = False
    """They stand after a label or words that call them the recipient."""


def failing_recipients(page: Page, phrases: list[Found[Layout]], senders: frozenset[str]) -> Named:
    """Return the failing addresses that the notification's own words name, best supported only."""
    start, end = page.notice
    text = page.text
    addresses = find_addresses(text, start, end)
    if not addresses:
        return Named([])
    lists = _lists(page, phrases)
    places = [Place(address, _standing(text, address, start)) for address in addresses]
    _raise_listed(text, places, lists)
    _raise_diagnosed(text, places, start, end)
    _lower_senders(text, places, senders, start, end)
    best = max(place.standing for place in places)
    if best < _LIKELY:
        letter = not any(phrase.value.says in (Says.LIST, Says.WRAPPER) for phrase in phrases)
        return Named(_only(places, senders, letter=letter))
    chosen = _each_once([p.address for p in places if p.standing == best])
    return Named(_uncut(chosen, addresses), structured=best >= _LISTED, labelled=best >= _LABELLED)


def _raise_diagnosed(text: str, places: list[Place], start: int, end: int) -> None:
    """In a text that lost its lines, an address right before its diagnostic is all that is left of a list."""
    if text.find("\n", start, end) >= 0:
        return
    for place in places:
        after = text[place.address.end : place.address.end + _CONTEXT].lower()
        if place.standing > _SOFT and _DIAGNOSED.match(after):
            place.standing = max(place.standing, _LISTED)


def _lower_senders(
    text: str, places: list[Place], senders: frozenset[str], start: int, end: int
) -> None:
    """Take back what was said of the sender's own address, unless nothing else is left."""
    dialogue = (
        {found.group(1).lower() for found in _MAIL_FROM.finditer(text, start, end)}
        if ":<" in text
        else set()
    )
    known = senders | dialogue
    others = any(
        place.standing >= _LIKELY and place.address.address.lower() not in known
        for place in places
    )
    if not others:
        return
    for place in places:
        if place.address.address.lower() in known and place.standing < _OPENS:
            place.standing = _NOT


_MAIL_FROM = re.compile(r"(?i)mail from:\s?<([^<>\s]{1,320})>")


_OPENS = 6
"""`<a@b>: host said`, an address that opens its own paragraph."""
_LISTED = 5
_LABELLED = 4
_LIKELY = 3
_PLAIN = 2
_HOUSE = 1
"""An address of the mail system itself: a recipient only where a list says so."""
_SOFT = 0
"""Named as somebody to write to, as a sender, as where a forwarded address came from."""
_NOT = -1


def _standing(text: str, address: Address, start: int) -> int:
    before = text[max(start, address.start - _BEFORE) : address.start].lower()
    after = text[address.end : address.end + _CONTEXT].lower()
    said = before.rstrip(" \n\t<'\"([{")
    if said.endswith(_CALLS_OTHER):
        return _NOT
    opens = _opens(before, after) or bool(_REFUSED.match(after))
    if _SERVICE.match(address.address):
        return _OPENS if opens else _SOFT if said.endswith(_WRITE_TO) else _HOUSE
    if said.endswith(_ORIGIN):
        return _SOFT
    if opens:
        return _OPENS if ":" in after[:_COLON_CHARS] else _LISTED
    if (
        said.endswith(_CALLS_RECIPIENT)
        or _REPLIED.search(said, max(0, len(said) - _TAIL))
        or (said.endswith(":") and _FAILING_LABEL.search(said))
    ):
        return _LABELLED
    if said.endswith(_WRITE_TO):
        return _SOFT
    return _LIKELY if _AFTER_YES.match(after) else _PLAIN


def _opens(before: str, after: str) -> bool:
    line = before.rpartition("\n")[2].strip()
    # `<a@b>:` opens also where every line break is lost.
    if line not in ("", "<") and not (line.endswith("<") and _ANGLE_COLON.match(after)):
        return False
    if not _PARAGRAPH.match(after):
        return False
    # A reply that was wrapped repeats an address at the start of a line: `said: 550 5.1.1\n<a@b>: rejected`.
    return not _ECHO.search(before, max(0, len(before) - _TAIL))


_TAIL = 24
"""Characters at the end of what stands before an address that a reply and its code can take."""


_REFUSED = re.compile(r">?:\s{1,3}[45]\d\d[ -]")
"""`a@b: 550 …`, wherever it stands."""
_ANGLE_COLON = re.compile(r">\s?(?:\([^)\n]{0,200}\)\s?)?:\s")
_COLON_CHARS = 220
_PARAGRAPH = re.compile(r">?\s?(?:\([^)\n]{0,200}\)\s?)?:(?:\s|$)|>?\s?\.\.\.\s?\S")


def _lists(page: Page, phrases: list[Found[Layout]]) -> list[tuple[int, int]]:
    start, end = page.notice
    lists: list[tuple[int, int]] = []
    for phrase in phrases:
        if phrase.value.says in (Says.LIST, Says.OPENER) and start <= phrase.start < end:
            stop = min(end, phrase.end + _LIST_CHARS)
            for other in phrases:
                if (
                    other.value.says is Says.WRAPPER
                    and phrase.end < other.start < stop
                    and other.phrase not in _INSIDE_LISTS
                ):
                    stop = other.start
                    break
            lists.append((phrase.end, stop))
    return lists


_INSIDE_LISTS = frozenset(
    {
        "this is a permanent error",
        "smtp error from remote mail server after",
        "remote host said",
        "i've given up",
    }
)


def _raise_listed(text: str, places: list[Place], lists: list[tuple[int, int]]) -> None:
    for begin, stop in lists:
        last = begin
        for place in places:
            at = place.address.start
            if not begin <= at < stop or place.standing >= _LISTED:
                continue
            between = text[last:at] if at - last < _CONTEXT else ""
            line = text[max(begin, text.rfind("\n", begin, at) + 1) : at]
            opens = bool(between) and bool(_BETWEEN.match(between))
            starts = text.rfind("\n", begin, at) >= 0 and bool(
                _LINE_LEAD.match(line) or _NAMED_LINE.match(line)
            )
            if (
                (opens or starts)
                and place.standing > _SOFT
                and not _ECHO.search(text[max(0, at - _TAIL) : at].lower())
            ):
                place.standing = _LISTED
                last = place.address.end


def _only(places: list[Place], senders: frozenset[str], *, letter: bool) -> list[Address]:
    """Return the only address left when nothing says which one failed; more than one would be a guess.

    In a person's own words (`letter`) an address after *from* or *contact* counts too, in a notification it does not,
    unless it is what the failing one came from.
    """
    for standing in (_PLAIN, _SOFT) if letter or len(places) == 1 else (_PLAIN,):
        named = [
            p.address
            for p in places
            if p.standing == standing
            and p.address.address.lower() not in senders
            and not _SERVICE.match(p.address.address)
        ]
        left = _each_once(named)
        if left:
            return left if len(left) == 1 else []
    return []


def _uncut(chosen: list[Address], addresses: list[Address]) -> list[Address]:
    """Leave out what the end of the text cut short, and names inside a mail system where a real address is there too."""
    routable = [address for address in chosen if "." in address.address.rpartition("@")[2]]
    chosen = routable or chosen
    whole = [address.address.lower() for address in addresses]
    return [
        address
        for address in chosen
        if not any(
            len(other) > len(address.address) and other.startswith(address.address.lower())
            for other in whole
        )
    ]


def _each_once(addresses: list[Address]) -> list[Address]:
    kept: dict[str, Address] = {}
    for address in addresses:
        kept.setdefault(address.address.lower(), address)
    return list(kept.values())
