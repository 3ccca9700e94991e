"""What bounces of different people have in common when they are one problem."""

from bot.model.report import Report


def signatures(report: Report) -> tuple[str, ...]:
    """Return what marks a bounce as one of a wave: its code at the recipient's domain, and its code at the reporting server.

    Two bounces that share one of them may be the same problem (an ITIL incident with several reporters). A bounce without a code has
    none: nothing sure can be said of it.
    """
    if report.status is None:
        return ()
    domains = sorted({domain_of(address) for address in report.recipients} - {""})
    marks = [f"{report.status}@{domain}" for domain in domains[:_DOMAINS]]
    if report.reporting_mta:
        marks.append(f"{report.status}/{report.reporting_mta.lower()}")
    return tuple(marks)


def domain_of(address: str) -> str:
    """Return the domain of an address in lower case, "" where it has none."""
    return address.rpartition("@")[2].strip().lower() if "@" in address else ""


_DOMAINS = 5
"""Domains of one bounce that are looked at: a newsletter to everybody is not every domain's problem."""
