"""How much of one person and of one organisation is taken in a minute."""

from __future__ import annotations

from bot.allowance import Allowance
from bot.model.event import Address, Scope
from bot.model.ids import ConversationId, UserId


def sender(person: str, tenant: str | None = "t") -> Address:
    """Return the address of somebody."""
    return Address(
        channel="msteams",
        service_url="https://smba.trafficmanager.net/emea/",
        conversation=ConversationId(f"a:{person}"),
        scope=Scope.PERSONAL,
        user=UserId(f"29:{person}"),
        user_name=person.title(),
        bot="28:bot",
        tenant=tenant,
    )


def test_one_person_is_held_and_others_are_not() -> None:
    """Whoever is over the allowance waits until the oldest of theirs is a minute old."""
    allowance = Allowance(person=3, tenant=100)
    for second in range(3):
        assert allowance.take(sender("ola"), float(second)) is None

    held = allowance.take(sender("ola"), 10.0)

    assert held is not None
    assert (held.seconds, held.everybody) == (50, False)
    assert allowance.take(sender("kari"), 10.0) is None
    assert allowance.take(sender("ola"), 61.0) is None


def test_what_was_held_does_not_count() -> None:
    """Somebody who keeps trying is let in as soon as their minute is over."""
    allowance = Allowance(person=1, tenant=100)
    assert allowance.take(sender("ola"), 0.0) is None
    assert all(allowance.take(sender("ola"), float(second)) for second in range(1, 60))
    assert allowance.take(sender("ola"), 60.5) is None


def test_somebody_who_goes_on_is_told_four_times_a_minute() -> None:
    """A flood is not answered by a flood."""
    allowance = Allowance(person=1, tenant=100)
    allowance.take(sender("ola"), 0.0)
    told = [allowance.take(sender("ola"), 0.5 + step / 10) for step in range(590)]

    assert sum(held.tell for held in told if held) == 4


def test_a_tenant_is_held_as_a_whole_and_other_tenants_are_not() -> None:
    """People of one organisation share its allowance; whoever has no tenant has none to use up."""
    allowance = Allowance(person=10, tenant=5)
    for number in range(5):
        assert allowance.take(sender(f"p{number}"), 0.0) is None

    held = allowance.take(sender("late"), 1.0)

    assert held is not None
    assert held.everybody
    assert allowance.take(sender("late", tenant="other"), 1.0) is None
    assert allowance.take(sender("late", tenant=None), 1.0) is None


def test_searches_are_counted_by_themselves() -> None:
    """Typing into the search neither uses up what a person may write nor goes on for ever."""
    allowance = Allowance(person=10, tenant=1_000)
    for number in range(40):
        assert allowance.take_search(sender("kari"), number / 10) is None

    assert allowance.take_search(sender("kari"), 5.0) is not None
    assert allowance.take(sender("kari"), 5.0) is None
