"""The small parts that every page is made of: paragraphs, notices, warnings, and the mark of an answer given."""

from bot.model.effects import Notice
from bot.model.outgoing import Element, Paragraph, Remark, Run, Text, Tone
from bot.model.ticket import KnownProblem
from bot.render.speech import Speech, when


def notice_of(speech: Speech, notice: Notice) -> tuple[Element, ...]:
    """Return the sentence that says why a screen comes (again), if there is one."""
    if notice is Notice.NONE:
        return ()
    return (note(speech, speech.word(notice.value)),)


def note(speech: Speech, text: Text) -> Remark:
    """Return a note."""
    return Remark(text, Tone.NOTE, speech.plain("note"))


def warning(speech: Speech, text: Text) -> Remark:
    """Return a warning."""
    return Remark(text, Tone.WARNING, speech.plain("warning"))


def chosen_mark(speech: Speech, label: str | None) -> tuple[Element, ...]:
    """Return the mark of the answer that was given on a card, if one was."""
    if label is None:
        return ()
    return (Remark(speech.word("chosen", choice=label), Tone.GOOD),)


def known_problem(speech: Speech, known: KnownProblem, *, advice: str = "") -> Remark:
    """Say that the helpdesk works on a problem already, since when, how many others have it, and (`advice`: its words) what to do."""
    sentences = [speech.word("known-since", time=when(known.since, speech.language))]
    sentences += [paragraph.text for paragraph in others_affected(speech, known.people)]
    sentences += [speech.word(advice)] if advice else []
    runs = [run for sentence in sentences for run in (Run(" "), *sentence)]
    return note(speech, tuple(runs[1:]))


def others_affected(speech: Speech, people: int) -> tuple[Paragraph, ...]:
    """Say how many others have the same problem, if anybody has."""
    if people < 1:
        return ()
    words = "known-one" if people == 1 else "known-many"
    return (Paragraph(speech.word(words, people=str(people))),)


def paragraphs(speech: Speech, text: str | None) -> tuple[Paragraph, ...]:
    """Return prose as paragraphs; an empty line parts them."""
    parts = (text or "").split("\n\n")
    return tuple(Paragraph(speech.text(" ".join(part.split()))) for part in parts if part.strip())
