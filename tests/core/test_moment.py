"""Times of a bounce, in words."""

import pytest

from bot.model.ids import Language
from bot.render.speech import moment


@pytest.mark.parametrize(
    ("value", "language", "shown"),
    [
        ("2018-03-14T08:15:03+00:00", "nb", "14. mars 2018 08:15 UTC"),
        ("2018-03-14T08:15:03+00:00", "en", "March 14, 2018 08:15 UTC"),
        ("2018-03-14T09:15:03+01:00", "nb", "14. mars 2018 09:15 UTC+01:00"),
        ("2018-03-14T08:15:03", "nb", "14. mars 2018 08:15"),
        ("last Tuesday", "nb", "last Tuesday"),
        ("2018-03-14T08:15:03+00:00", "xx", "2018-03-14T08:15:03+00:00"),
        ("", "en", ""),
    ],
)
def test_a_time_is_told_in_the_readers_words(value: str, language: str, shown: str) -> None:
    """A time that can be read is written out with its zone; one that cannot stays as it stood."""
    assert moment(value, Language(language)) == shown
