"""YAML without its surprises: every value is text, a key is given once, and everything knows its line.

YAML's own types corrupt this kind of content: `no` becomes False, `5.10` becomes 5.1, and of two equal keys one vanishes.
So libyaml only splits the text into events here, and the tree is built from those. Anchors, aliases and tags are refused: no
author needs them, and an alias can make a small file enormous.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.content.problems import Findings, Place

FILE_BYTES = 1_000_000
"""Bytes of one file; the largest we have is a tenth of it."""

FILE_NODES = 50_000
"""Values of one file."""

DEPTH = 12
"""Nesting that is followed; the format needs 6."""

_Loader = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader


@dataclass(frozen=True, slots=True)
class Text:
    """A value. Always text."""

    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class List:
    """Values in order."""

    items: list["Value"]
    place: Place


@dataclass(frozen=True, slots=True)
class Map:
    """Values by key, in order, with the place of each key."""

    fields: dict[str, "Value"]
    keys: dict[str, Place]
    place: Place


Value = Text | List | Map

Step = str | int
"""One step of a way into a tree: a key, or the position in a list."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read: its tree, and places in it by the keys that lead there."""

    path: str
    root: Map

    def at(self, *way: Step) -> Place:
        """Return the place that keys lead to, or the last one on the way that exists."""
        place = Place(self.path)
        value: Value = self.root
        for step in way:
            match value, step:
                case Map(), str() if step in value.fields:
                    place, value = value.keys[step], value.fields[step]
                case List(), int() if step < len(value.items):
                    value = value.items[step]
                    place = value.place
                case _:
                    return place
        return place

    def texts(self, *way: Step) -> Iterator[Text]:
        """Yield every text below the value that keys lead to; none when there is no such value."""
        value: Value = self.root
        for step in way:
            match value, step:
                case Map(), str() if step in value.fields:
                    value = value.fields[step]
                case List(), int() if step < len(value.items):
                    value = value.items[step]
                case _:
                    return
        yield from _texts(value)


def _texts(value: Value) -> Iterator[Text]:
    match value:
        case Text():
            yield value
        case List():
            for item in value.items:
                yield from _texts(item)
        case Map():
            for field in value.fields.values():
                yield from _texts(field)


def read_file(root: Path, path: Path, findings: Findings) -> tuple[File, bytes] | None:
    """Read one file of the content's folder `root`. What is wrong goes into `findings`.

    Returns:
        The file and its bytes, or None when there is nothing to go on with.
    """
    name = path.relative_to(root).as_posix()
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        findings.error(Place(name), "unreadable", f"the file cannot be read ({reason})")
        return None
    if len(data) > FILE_BYTES:
        findings.error(
            Place(name),
            "too-large",
            f"the file has {len(data):,} bytes; split it, {FILE_BYTES:,} is the limit",
        )
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        findings.error(Place(name, line), "not-utf-8", "the file is not UTF-8; save it as UTF-8")
        return None
    tree = parse(name, text, findings)
    return None if tree is None else (File(name, tree), data)


def parse(name: str, text: str, findings: Findings) -> Map | None:
    """Return the tree of one document, or None when it is not a mapping or not YAML at all."""
    builder = _Builder(name, findings)
    loader = _Loader(text)
    try:
        while (event := loader.get_event()) is not None and builder.take(event):
            pass
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        said = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        line = mark.line + 1 if mark else 1
        findings.error(
            Place(name, line),
            "not-yaml",
            f"{said}; a text with `: `, ` #` or a sign such as * or {{ at its start needs quotes",
        )
        return None
    finally:
        loader.dispose()
    if builder.refused:
        return None
    if not isinstance(builder.root, Map):
        findings.error(Place(name), "not-a-mapping", "a file is a list of `key: value` lines")
        return None
    return builder.root


class _Builder:
    """Builds a tree from libyaml's events, without recursion, so that no nesting can exhaust the stack."""

    def __init__(self, name: str, findings: Findings) -> None:
        self.name = name
        self.findings = findings
        self.root: Value | None = None
        self.refused = False
        self._open: list[tuple[Map | List, Text | None]] = []
        self._key: Text | None = None
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Take one event. Returns whether more are wanted."""
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._start(Map({}, {}, self._place(event)), event)
            case yaml.SequenceStartEvent():
                self._start(List([], self._place(event)), event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._end()
            case yaml.AliasEvent():
                self._refuse(
                    event, "alias", "an alias (`*name`) is not allowed; write the value out"
                )
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._refuse(event, "several-documents", "a second document; remove the `---`")
            case yaml.StreamEndEvent():
                return False
            case _:
                pass
        return not self.refused

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._plain(event)
        text = Text(event.value, self._place(event))
        if self._open and isinstance(self._open[-1][0], Map) and self._key is None:
            self._key = text
        else:
            self._add(text)

    def _start(self, value: Map | List, event: yaml.CollectionStartEvent) -> None:
        self._plain(event)
        if self._open and isinstance(self._open[-1][0], Map) and self._key is None:
            self._refuse(
                event, "key-not-text", "a key must be text; a value with {braces} needs quotes"
            )
            return
        if len(self._open) >= DEPTH:
            self._refuse(
                event, "too-deep", f"nested deeper than {DEPTH}; the format never needs that"
            )
            return
        self._open.append((value, self._key))
        self._key = None

    def _end(self) -> None:
        value, self._key = self._open.pop()
        self._add(value)

    def _add(self, value: Value) -> None:
        self._count += 1
        if self._count > FILE_NODES:
            self.findings.error(value.place, "too-many-values", f"more than {FILE_NODES:,} values")
            self.refused = True
            return
        if not self._open:
            self.root = value
            return
        inside, _ = self._open[-1]
        if isinstance(inside, List):
            inside.items.append(value)
            return
        key, self._key = self._key, None
        if key is None:
            return
        if key.value in inside.fields:
            first = inside.keys[key.value].line
            self.findings.error(
                key.place,
                "duplicate-key",
                f"'{key.value}' was given on line {first} already; remove one of them",
            )
            return
        inside.fields[key.value] = value
        inside.keys[key.value] = key.place

    def _plain(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._refuse(
                event, "anchor", "an anchor (`&name`) is not allowed; write the value out"
            )
        if event.tag is not None:
            self._refuse(
                event, "tag", "a tag (`!name`) is not allowed; quote a text that begins with !"
            )

    def _refuse(self, event: yaml.Event, rule: str, message: str) -> None:
        self.findings.error(self._place(event), rule, message)
        self.refused = True

    def _place(self, event: yaml.Event) -> Place:
        return Place(self.name, event.start_mark.line + 1 if event.start_mark else 1)
