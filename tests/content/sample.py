"""A small content folder, complete and without a problem, that tests break in one place."""

from __future__ import annotations

from pathlib import Path

from bot.content import Problem, check
from bot.content.checks.prose import FACTS
from bot.content.checks.references import BUILT_IN_REASONS
from bot.render.words import COMMANDS, WORDS

LANGUAGES = """\
format: 1
default: en
languages:
  en: {name: English, also: [], typed: [in english]}
  nb: {name: Norsk bokmål, fallback: en, also: ['no', nn], typed: [på norsk]}
"""

LINKS = """\
format: 1
links:
  guide: https://learn.microsoft.com/exchange/guide
  table: https://learn.microsoft.com/exchange/table
"""

BLOCKS = """\
format: 1
blocks:
  tidy-up: {covers: [B1, B2], links: [guide]}
"""

ARTICLE = """\
format: 1
owner: messaging
reviewed: 2026-11-23
start: whose
entries:
  tell: tell-them
checks: [tidy, wait]
exhausted: hand-over
match:
- id: overflowing
  any: [the mailbox is overflowing]
  confidence: certain
  examples:
  - 'Your message could not be delivered to kari@contoso.com: the mailbox is overflowing'
  near-misses:
  - The letterbox is overflowing
blocks:
  weigh: {covers: [A2]}
nodes:
  whose:
    lane: all
    ask: {mine: tidy, theirs: tell-them, unsure: next-untried}
    covers: [A1]
  tidy:
    lane: recipient
    tell: {done: solved, failed: next-untried}
    blocks: [weigh, tidy-up]
    links: [table]
  wait:
    lane: recipient
    ask: {'yes': solved, 'no': next-untried}
    answered-by: retry-may-help
    awaits: bounce
  tell-them:
    lane: sender
    tell: {done: solved}
    handout: make-room
  hand-over:
    escalate: {reason: still-full, priority: normal}
  solved:
    end: solved
"""

ARTICLE_TEXT = {
    "en": """\
format: 1
title: A full mailbox
nodes:
  whose:
    title: Whose mailbox is full?
    text: The bounce names {recipient}.
    choices:
      mine: My own
      theirs: The recipient's
      unsure: I cannot tell
    typed:
      mine: [mine, it is me]
  tidy:
    title: Make room
  wait:
    title: Does it pass by itself?
    choices:
      'yes': It does
      'no': It does not
  tell-them:
    title: Tell them
  hand-over:
    title: Hand it over
  solved:
    title: Done
blocks:
  weigh:
    title: See what is large
    steps:
    - Sort by size, see {link:guide}.
    - do: Choose **Delete**.
      sub: ['Mark it.', 'Press **Delete**.']
      note: It can be undone.
      skip-if: nothing is large
handouts:
  make-room:
    title: Message to the recipient
    text: |
      Hello,

      your mailbox is full: {code}.
    blocks: [tidy-up]
""",
    "nb": """\
format: 1
title: En full postboks
nodes:
  whose:
    title: Hvem sin postboks er full?
    text: Returmeldingen nevner {recipient}.
    choices:
      mine: Min egen
      theirs: Mottakerens
      unsure: Det vet jeg ikke
  tidy:
    title: Lag plass
  wait:
    title: Går det over av seg selv?
    choices:
      'yes': Det gjør det
      'no': Det gjør det ikke
  tell-them:
    title: Si fra
  hand-over:
    title: Gi saken videre
  solved:
    title: Ferdig
blocks:
  weigh:
    title: Se hva som er stort
    steps:
    - Sorter etter størrelse, se {link:guide}.
    - do: Velg **Slett**.
      skip-if: ingenting er stort
handouts:
  make-room:
    title: Melding til mottakeren
    text: |
      Hei!

      Postboksen din er full: {code}.
    blocks: [tidy-up]
""",
}

INVENTORY = """\
format: 1
items: [A1, A2, B1, B2, C1]
excluded:
  C1: A picture that says nothing.
"""

CODES = """\
format: 1
codes:
  5.2.2-full:
    code: 5.2.2
    category: mailbox-full
    fixers: [recipient]
    permanence: permanent
    retry-may-help: no
    smtp-reply: 552
    markers: [mailbox full]
    links: [table]
    article: full
"""

CODES_TEXT = {
    "en": """\
format: 1
codes:
  5.2.2-full: {title: The mailbox is full, means: There is no room., do: Tell them.}
categories: {mailbox-full: full mailbox}
families: {'5.2': the mailbox}
fixers: {recipient: the recipient}
""",
    "nb": """\
format: 1
codes:
  5.2.2-full: {title: Postboksen er full, means: Det er ikke plass., do: Si fra.}
categories: {mailbox-full: full postboks}
families: {'5.2': postboksen}
fixers: {recipient: mottakeren}
""",
}


TRIAGE = """\
format: 1
queues:
- id: full-boxes
  channel: 19:full@thread.tacv2
  team: 19:team@thread.skype
  language: nb
  when:
    codes: [5.2.2, '4.2']
    recipient-domains: [Contoso.com]
    languages: [nb, en]
    priorities: [normal]
- id: urgent
  channel: 19:urgent@thread.tacv2
  when: {priorities: [urgent]}
incidents:
  window-minutes: 90
  people: 3
  apart: [example.com, example.net]
"""

FALLBACKS = ("known-code", "recipient-unknown", "unknown-code")
"""Articles that the program itself leads to."""

FALLBACK = """\
format: 1
owner: messaging
reviewed: 2026-11-23
start: advised
match: []
nodes:
  advised:
    end: advised
"""

FALLBACK_TEXT = """\
format: 1
title: A code
nodes:
  advised:
    title: That is all
"""


def shared_text(language: str) -> str:
    """Return the shared prose in a language, with every word that the program speaks."""
    words = "".join(f"  {id_}: {id_} {language}\n" for id_ in sorted(WORDS))
    commands = "".join(
        f"  {id_}: {{label: {id_} {language}, typed: [{id_} please {language}]}}\n"
        for id_ in sorted(COMMANDS)
    )
    facts = "".join(f"  {id_}: the {id_} {language}\n" for id_ in sorted(FACTS))
    reasons = "".join(f"  {id_}: {id_} {language}\n" for id_ in sorted(BUILT_IN_REASONS))
    return f"""\
format: 1
words:
{words}commands:
{commands}links:
  guide: The guide {language}
  table: The table {language}
reasons:
{reasons}  still-full: Still full {language}
unknown-facts:
{facts}blocks:
  tidy-up:
    title: Tidy up {language}
    steps: [Empty the bin {language}.]
"""


class Dialogs:
    """A content folder."""

    def __init__(self, root: Path) -> None:
        """Write the whole sample."""
        self.root = root
        self.write("languages.yaml", LANGUAGES)
        self.write("shared/links.yaml", LINKS)
        self.write("shared/blocks.yaml", BLOCKS)
        self.write("codes.yaml", CODES)
        self.write("triage.yaml", TRIAGE)
        self.write("articles/full/article.yaml", ARTICLE)
        self.write("articles/full/inventory.yaml", INVENTORY)
        for name in FALLBACKS:
            self.write(f"articles/{name}/article.yaml", FALLBACK)
        for tag in ("en", "nb"):
            for name in FALLBACKS:
                self.write(f"articles/{name}/{tag}.yaml", FALLBACK_TEXT)
            self.write(f"shared/{tag}.yaml", shared_text(tag))
            self.write(f"codes/{tag}.yaml", CODES_TEXT[tag])
            self.write(f"articles/full/{tag}.yaml", ARTICLE_TEXT[tag])

    def write(self, name: str, text: str | bytes) -> None:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{old!r} is not in {name}"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def line(self, name: str, text: str) -> int:
        """Return the number of the first line that has a text."""
        lines = (self.root / name).read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, start=1) if text in line)

    def check(self) -> list[Problem]:
        """Return every problem."""
        return check(self.root)

    def only(self) -> Problem:
        """Return the one problem that the test caused."""
        problems = self.check()
        assert len(problems) == 1, "\n".join(map(str, problems))
        return problems[0]

    def rules(self) -> set[tuple[str, str]]:
        """Return the severity and rule of every problem."""
        return {(problem.severity.value, problem.rule) for problem in self.check()}
