"""What is wrong with an installation, and the one next step: `bouncedesk doctor`.

`examination` runs the areas, all at the same time; each area is a module that looks at one part of the world and judges what it saw.
Looking and judging are different functions: the judgement takes what was seen and is pure. `finding` says what a judgement is, `wire` looks
over the network and never waits for long, `redact` goes over everything before it is said, and `report` says it.

Each thing that can be wrong is one `Flaw`, with its words beside it. docs/guides/doctor.md has them all; a test holds it to that.
"""

from bot.doctor.examination import AREAS, Findings, examine, flaws, worst
from bot.doctor.finding import Finding, Flaw, Outcome
from bot.doctor.installation import Installation
from bot.doctor.report import as_json, as_text, summary

__all__ = [
    "AREAS",
    "Finding",
    "Findings",
    "Flaw",
    "Installation",
    "Outcome",
    "as_json",
    "as_text",
    "examine",
    "flaws",
    "summary",
    "worst",
]
