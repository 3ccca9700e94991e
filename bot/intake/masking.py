"""Masks what must never be stored or shown to others: passwords, tokens, keys, connection strings.

The words before a secret stay, so that a reader sees what was there. A masked secret keeps no character of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from bot.model.phrases import Folded

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
_NAMED = re.compile(
    rf"(?<![A-Za-z])((?:{_NAMES})(?:et)?(?:\s(?:for|til|mitt|my|min|du|für|på)\s?[^\s:=]{{0,60}})?['\"]?\s{{0,3}}"
    r"(?::|=>|=|\b(?:is|er|ist|est|är|es|was|var|era|jest|on)\s)\s{0,3}['\"]?)([^\s'\"<>]{3,500})",
    re.IGNORECASE,
)
_SPOKEN = re.compile(
    r"(?<![A-Za-z])((?:password|passord|passwort|kennwort|l[öo]senord|adgangskode|wachtwoord|pwd)(?:et|en)?"
    r"(?:\s(?:mitt|my|min))?\s{1,2}['\"]?)"
    r"((?=[^\s'\",;<>]{0,60}[\d!@#$%^&*?])(?=[^\s'\",;<>]{0,60}[A-Za-z])[^\s'\",;<>]{6,200})",
    re.IGNORECASE,
)
_BEARER = re.compile(
    r"(?i)(?<![a-z])((?:authorization:\s{0,2}(?:basic|bearer|digest|negotiate|ntlm)|bearer|basic)\s{1,3})"
    r"([a-z0-9+/_=.~-]{12,8000})"
)
_BASIC_LOGIN = re.compile(
    r"(?i)(?<![a-z])(auth\s{1,2}(?:login|plain)\s{1,3})([a-z0-9+/=]{6,2000})"
)
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
    r"(?i)([?&;](?:sig|access_token|id_token|code|client_secret)=)([a-z0-9%+/_=.~-]{12,2000})"
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


def _keep_words(found: re.Match[str]) -> str:
    if found.group(2).rstrip(".,;!?").lower() in _PROSE:
        return found.group()
    return f"{found.group(1)}{MASK}"


class _Rule(NamedTuple):
    """One kind of secret: looked for only where the text has one of its words, or a piece that gives it away."""

    words: frozenset[str]
    piece: str
    pattern: re.Pattern[str]
    replacement: str | Callable[[re.Match[str]], str]


_NONE: frozenset[str] = frozenset()
_RULES = (
    _Rule(_NONE, "://", _URL_LOGIN, rf"\1{MASK}"),
    _Rule(frozenset({"bearer"}), "authorization: ", _BEARER, rf"\1{MASK}"),
    _Rule(_NONE, "auth login", _BASIC_LOGIN, rf"\1{MASK}"),
    _Rule(_NONE, "auth plain", _BASIC_LOGIN, rf"\1{MASK}"),
    _Rule(_NONE, "eyj", _JWT, MASK),
    _Rule(
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
        "",
        _KNOWN,
        MASK,
    ),
    _Rule(_NONE, "akia", _KNOWN, MASK),
    _Rule(_NONE, "aiza", _KNOWN, MASK),
    _Rule(frozenset({"sig", "token", "secret"}), "code=", _SIGNATURE, rf"\1{MASK}"),
    _Rule(_NAME_WORDS, "pass:", _NAMED, _keep_words),
    _Rule(_NONE, "key=", _NAMED, _keep_words),
    _Rule(_NONE, "key:", _NAMED, _keep_words),
    _Rule(_NONE, "mot de passe", _NAMED, _keep_words),
    _Rule(_NAME_WORDS, "", _SPOKEN, rf"\1{MASK}"),
)


def mask_secrets(text: str, folded: Folded) -> str:
    """Return the text with secrets masked; the same object where there are none. `folded` is the text, folded."""
    low, words = folded.text, folded.words
    masked = _mask_private_keys(text) if "private key" in low else text
    for rule in _RULES:
        if (rule.piece and rule.piece in low) or not words.isdisjoint(rule.words):
            masked = rule.pattern.sub(rule.replacement, masked)
    return text if masked == text else masked


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
