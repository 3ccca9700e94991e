"""All areas, looked at together and told one after the other."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.doctor import (
    configuration,
    content,
    database,
    endpoint,
    identity,
    registration,
    sinks,
    triage,
)
from bot.doctor.finding import Check, Finding, Flaw, Outcome
from bot.doctor.installation import Area, Installation
from bot.doctor.redact import redacted, secrets_of

AREAS = (
    configuration.AREA,
    registration.AREA,
    identity.AREA,
    database.AREA,
    content.AREA,
    triage.AREA,
    endpoint.AREA,
    sinks.AREA,
)
"""In the order in which they are told: what others rest on comes first."""

_SECONDS = 30.0
"""The longest that one area takes; a single look takes much less."""

DOCTOR = Check("doctor", "This check")
BROKEN = Flaw(
    check=DOCTOR,
    name="broken",
    means="The check itself broke off, so nothing is known about what it looks at.",
    next_step="Report it as an error of Bouncedesk, with this line.",
)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in one area."""

    area: Area
    findings: Sequence[Finding]


async def examine(installation: Installation) -> AsyncIterator[Findings]:
    """Look at everything, and yield what was found, area by area. Nothing that breaks keeps the others from being told."""
    secrets = secrets_of(installation.settings)
    looks = [asyncio.create_task(_look(area, installation)) for area in AREAS]
    try:
        for area, look in zip(AREAS, looks, strict=True):
            found = await look
            yield Findings(area, tuple(redacted(finding, secrets) for finding in found))
    finally:
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)


async def _look(area: Area, installation: Installation) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(_SECONDS):
            return await area.look(installation)
    except TimeoutError:
        return [DOCTOR.not_checked(f"it took longer than {_SECONDS:.0f} seconds.", about=area.id)]
    except Exception as error:  # noqa: BLE001 - the other areas must be told all the same; this one says that it broke
        return [BROKEN.found(f"{type(error).__name__} in {area.id}.", about=area.id)]


def worst(findings: Iterable[Finding]) -> Outcome:
    """Return how it stands all in all: a problem, else a warning, else well."""
    outcomes = {finding.outcome for finding in findings}
    return next((one for one in (Outcome.PROBLEM, Outcome.WARNING) if one in outcomes), Outcome.OK)


def flaws() -> Iterator[Flaw]:
    """Yield everything that can be found wrong, area by area."""
    for area in AREAS:
        yield from _flaws_of(area.look.__module__)
    yield BROKEN


def _flaws_of(module: str) -> list[Flaw]:
    return [one for one in vars(sys.modules[module]).values() if isinstance(one, Flaw)]
