"""The guide for operators says what the code does: every event that is logged, every metric that is kept, and no others."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot import __file__ as package
from bot.metrics import Metrics, Now

ROOT = Path(package).parent
GUIDE = (ROOT.parent / "docs" / "guides" / "operating.md").read_text(encoding="utf-8")
LEVELS = ("debug", "info", "warning", "error", "log")


def rows(table: str) -> list[list[str]]:
    """Return the rows of a table of the guide, without its head."""
    between = GUIDE.split(f"<!-- {table}:start -->")[1].split(f"<!-- {table}:end -->")[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in between.strip().splitlines()[2:]
    ]


def calls() -> Iterator[tuple[str, ast.Call, str]]:
    """Yield every call that logs: the file, the call, and its level."""
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            of = ast.unparse(node.func.value)
            if node.func.attr in LEVELS and (of == "log" or "get_logger" in of):
                yield file.name, node, node.func.attr


def logged() -> dict[str, set[str]]:
    """Return the events of the code with their levels."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for file, call, level in calls():
        texts = [one.value for one in call.args if isinstance(one, ast.Constant)]
        event = next((text for text in texts if isinstance(text, str)), None)
        if event is None:  # the one place that logs for others: they name the event
            assert (file, ast.unparse(call.args[0])) == ("service.py", "event")
            found |= {name: {level} for name in _named_to_sorry()}
        else:
            found[event].add("warning" if level == "log" else level)
    return found


def _named_to_sorry() -> Iterator[str]:
    tree = ast.parse((ROOT / "service.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "self._sorry":
            name = node.args[0]
            assert isinstance(name, ast.Constant)
            yield str(name.value)


def test_every_event_is_explained() -> None:
    """The table has each event of the code once, with its level, and no event that is gone."""
    written = {event.strip("`"): {level} for event, level, _ in rows("events")}

    assert len(written) == len(rows("events"))
    assert written == logged()


def test_events_have_names_of_one_kind() -> None:
    """An event is a few words in lower case: something to search for, and the same in every line."""
    assert [name for name in logged() if not re.fullmatch(r"[a-z]+(-[a-z]+)*", name)] == []


@pytest.mark.parametrize(
    "private", ["text", "name", "address", "note", "user", "email", "subject"]
)
def test_no_event_has_a_field_for_what_people_write(private: str) -> None:
    """Whatever could hold words, names or addresses is not even called so."""
    fields = {keyword.arg for _, call, _ in calls() for keyword in call.keywords}

    assert private not in fields


def test_every_metric_is_explained() -> None:
    """The table has each metric once, and no metric that is gone."""
    shown = Metrics().render(Now(counts=None, content="")).decode()
    kinds = dict(re.findall(r"^# TYPE (bouncedesk_\w+) (\w+)$", shown, re.MULTILINE))
    kept = {name for name, kind in kinds.items() if not name.endswith("_created") and kind}
    of_the_store = {f"bouncedesk_{name}" for name in ("tickets", "outbox_depth", "outbox_dead",
                                                     "outbox_oldest_seconds")}  # fmt: skip
    written = [metric.strip("`").partition("{")[0] for metric, *_ in rows("metrics")]

    assert sorted(written) == sorted(kept | of_the_store)


def test_the_alerts_speak_of_metrics_that_there_are() -> None:
    """An alert on a name that nothing has would never ring."""
    known = {metric.strip("`").partition("{")[0] for metric, *_ in rows("metrics")}
    alerts = GUIDE.split("```yaml")[1].split("```")[0]

    assert len(yaml.safe_load(alerts)["groups"][0]["rules"]) == alerts.count("alert:")
    assert set(re.findall(r"bouncedesk_\w+", alerts)) <= known
