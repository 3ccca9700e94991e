"""Masks what must never be stored or shown to others: passwords, tokens, keys, connection strings.

The words before a secret stay, so that a reader sees what was there. A masked secret keeps no character of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from bot.model.phrases import Folded, lowered

MASK = "[secret]"

_NAME_WORDS = frozenset(
    [
        "password",
        "passwords",
        "passwd",
        "passphrase",
        "passcode",
        "passord",
        "passordet",
        "passwort",
        "pwd",
        "lösenord",
        "lösenordet",
        "losenord",
        "kennwort",
        "contraseña",
        "contrasena",
        "wachtwoord",
        "adgangskode",
        "adgangskoden",
        "kodeord",
        "hasło",
        "haslo",
        "senha",
        "salasana",
        "parola",
        "heslo",
        "пароль",
        "token",
        "secret",
        "apikey",
        "accesskey",
        "accountkey",
        "sharedaccesskey",
        "clientsecret",
        "secretkey",
        "privatekey",
        "otp",
    ]
)
_NAMES = (
    r"pass(?:word|wd|phrase|code|ord)?|pwd|l[öo]senord|kennwort|passwort|contrase[ñn]a|mot\sde\spasse|wachtwoord"
    r"|adgangskode|kodeord|has[łl]o|senha|salasana|parola|heslo|пароль|otp|token|secret"
    r"|(?:x-|client|api|access|account|private|shared|storage|auth|refresh|bot|app|id)[_ -]?"
    r"(?:access[_ -]?)?(?:key|secret|token|password)"
)
# All but what is marked otherwise on lower case: a pattern that ignores case looks at every alternative everywhere.
_NAMED = re.compile(
    rf"(?<![a-z])((?:{_NAMES})(?:et)?(?:\s(?:for|til|mitt|my|min|du|für|på)\s?[^\s:=]{{0,60}})?['\"]?\s{{0,3}}"
    r"(?::|=>|=|\b(?:is|er|ist|est|är|es|was|var|era|jest|on)\s)\s{0,3}['\"]?)([^\s'\"<>]{3,500})"
)
_SPOKEN = re.compile(
    r"(?<![a-z])((?:password|passord|passwort|kennwort|l[öo]senord|adgangskode|wachtwoord|pwd)(?:et|en)?"
    r"(?:\s(?:mitt|my|min))?\s{1,2}['\"]?)"
    r"((?=[^\s'\",;<>]{0,60}[\d!@#$%^&*?])(?=[^\s'\",;<>]{0,60}[a-z])[^\s'\",;<>]{6,200})"
)
_BEARER = re.compile(
    r"(?<![a-z])((?:authorization:\s{0,2}(?:basic|bearer|digest|negotiate|ntlm)|bearer|basic)\s{1,3})"
    r"([a-z0-9+/_=.~-]{12,8000})"
)
_BASIC_LOGIN = re.compile(r"(?<![a-z])(auth\s{1,2}(?:login|plain)\s{1,3})([a-z0-9+/=]{6,2000})")
_JWT = re.compile(
    r"(?<![A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{4,8000}(?:\.[A-Za-z0-9_-]{0,4000})?"
)
_KNOWN = re.compile(
    r"(?<![A-Za-z0-9])(?:xox[abeprs]-[A-Za-z0-9-]{8,200}|gh[opsur]_[A-Za-z0-9]{20,200}"
    r"|github_pat_[A-Za-z0-9_]{20,200}|glpat-[A-Za-z0-9_-]{16,100}|sk-[A-Za-z0-9_-]{16,200}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{12,20}|AIza[A-Za-z0-9_-]{30,50}|SG\.[A-Za-z0-9_-]{16,80}\.[A-Za-z0-9_-]{16,80})"
)
_URL_LOGIN = re.compile(r"(://[^\s:/@<>]{0,100}:)([^\s@/<>]{1,200})(?=@)")
_SIGNATURE = re.compile(
    r"([?&;](?:sig|access_token|id_token|code|client_secret)=)([a-z0-9%+/_=.~-]{12,2000})"
)
_PRIVATE_KEY = re.compile(r"-{3,5}BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-{3,5}")
_PRIVATE_END = re.compile(r"-{3,5}END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-{3,5}")

# "Password: expired" and "token is invalid" are prose about a secret, not one.
_PROSE = frozenset(
    [
        "expired",
        "required",
        "invalid",
        "wrong",
        "incorrect",
        "missing",
        "none",
        "null",
        "reset",
        "change",
        "changed",
        "protected",
        "too",
        "the",
        "your",
        "you",
        "that",
        "not",
        "was",
        "has",
        "had",
        "been",
        "being",
        "needed",
        "unknown",
        "empty",
        "forgotten",
        "utløpt",
        "feil",
        "glemt",
        "må",
        "kan",
        "ikke",
        "utgått",
        "abgelaufen",
        "falsch",
        "ungültig",
        "obligatoire",
        "incorrecta",
        "caducado",
    ]
)


class _Rule(NamedTuple):
    """One kind of secret: looked for only where the text has one of its words, or a piece that gives it away."""

    pattern: re.Pattern[str]
    """Its second group is the secret; all of it where there are no groups."""
    words: frozenset[str] = frozenset()
    pieces: tuple[tuple[str, str], ...] = ()
    """Each with a word or sign that any text with it has, which costs less to ask for."""
    as_written: bool = False
    """Capitals count."""


_RULES = (
    _Rule(_URL_LOGIN, pieces=(("@", "://"),)),
    _Rule(_BEARER, frozenset({"bearer"}), ((":", "authorization: "),)),
    _Rule(_BASIC_LOGIN, pieces=(("login", "auth login"), ("plain", "auth plain"))),
    _Rule(_JWT, pieces=((".", "eyJ"),), as_written=True),
    _Rule(
        _KNOWN,
        frozenset(
            [
                "xoxb",
                "xoxp",
                "xoxa",
                "xoxr",
                "xoxs",
                "xoxe",
                "ghp",
                "gho",
                "ghs",
                "ghu",
                "ghr",
                "pat",
                "glpat",
                "sk",
            ]
        ),
        (("", "AKIA"), ("", "AIza")),
        as_written=True,
    ),
    _Rule(_SIGNATURE, frozenset({"sig", "token", "secret"}), (("=", "code="),)),
    _Rule(
        _NAMED,
        _NAME_WORDS,
        ((":", "pass:"), ("=", "key="), (":", "key:"), ("passe", "mot de passe")),
    ),
    _Rule(_SPOKEN, _NAME_WORDS),
)
_IS = frozenset(("is", "er", "ist", "est", "är", "es", "was", "var", "era", "jest", "on"))
"""What stands between a name and a secret where no sign does."""
_WORDS = frozenset[str]().union(*(rule.words for rule in _RULES))


def mask_secrets(text: str, folded: Folded) -> str:
    """Return the text with secrets masked; the same object where there are none. `folded` is the text, folded."""
    said, words = folded.text, folded.words
    masked, low = text, said
    if "key" in words and "private key" in said:
        masked = _mask_private_keys(text)
        low = lowered(masked)
    named = words & _WORDS
    for rule in _RULES:
        if rule.pattern is _NAMED and not (":" in said or "=" in said or words & _IS):
            continue
        if (named and not named.isdisjoint(rule.words)) or _shows(rule, text, said, words):
            found = _masked(masked, low, rule)
            if found != masked:
                masked = found
                low = lowered(masked)
    return text if masked == text else masked


def _shows(rule: _Rule, text: str, said: str, words: frozenset[str]) -> bool:
    searched = text if rule.as_written else said
    for guard, piece in rule.pieces:  # noqa: SIM110 - a generator costs more than what it asks
        if (guard in words or (guard in _SIGNS and guard in said)) and piece in searched:
            return True
    return False


_SIGNS = frozenset(("", "@", ":", "=", "."))


def _masked(text: str, low: str, rule: _Rule) -> str:
    kept: list[str] = []
    start = 0
    group = rule.pattern.groups and 2
    for found in rule.pattern.finditer(text if rule.as_written else low):
        begin, end = found.span(group)
        if rule.pattern is _NAMED and low[begin:end].rstrip(".,;!?") in _PROSE:
            continue
        kept += (text[start:begin], MASK)
        start = end
    kept.append(text[start:])
    return "".join(kept)


def _mask_private_keys(text: str) -> str:
    kept: list[str] = []
    start = 0
    while opening := _PRIVATE_KEY.search(text, start):
        closing = _PRIVATE_END.search(text, opening.end())
        kept += (text[start : opening.start()], MASK)
        if not closing:
            start = len(text)
            break
        start = closing.end()
    kept.append(text[start:])
    return "".join(kept)
