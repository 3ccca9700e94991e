"""Everything that can go wrong, as one tree. The docstring is the message; details come as arguments.

BouncedeskError
├── ContentError            the content cannot be used (all problems at once)
├── SettingsError           the settings cannot be used
├── StoreError
│   ├── StoreUnavailable    the database is locked, gone or full
│   ├── StoreConflict       somebody else changed the same row
│   ├── StoreInUse          what needs the database alone does not have it
│   └── UnknownTicket
├── TransitionRefused       a ticket cannot go from here to there
├── DeliveryFailed
│   ├── DeliveryRefused     it will never be accepted
│   ├── DeliveryDelayed     it was not accepted now; say when to try again
│   └── DeliveryAmbiguous   nobody can know whether it arrived
├── RequestRefused          an HTTP request that is answered with a status of its own
└── UploadRefused           a file we do not fetch or cannot read
"""

from __future__ import annotations


class BouncedeskError(Exception):
    """Something went wrong."""

    def __init__(self, detail: str = "") -> None:
        """Take the particulars; the class says what kind of trouble it is."""
        self.detail = detail
        super().__init__(detail)

    def __str__(self) -> str:
        """Return the class's message with its particulars."""
        message = (self.__class__.__doc__ or "").strip().splitlines()[0]
        return f"{message} {self.detail}".strip()


class ContentError(BouncedeskError):
    """The content in `dialogs/` cannot be used."""


class SettingsError(BouncedeskError):
    """The settings cannot be used."""


class StoreError(BouncedeskError):
    """The store could not do it."""


class StoreUnavailable(StoreError):
    """The database is locked, gone or full. Nothing was written."""


class StoreConflict(StoreError):
    """Somebody else changed this first. Nothing was written."""


class StoreInUse(StoreError):
    """The database is in use. Nothing was written."""


class UnknownTicket(StoreError):
    """There is no such ticket."""


class TransitionRefused(BouncedeskError):
    """The present state of the ticket does not allow that."""

    def __init__(self, detail: str = "", *, words: str = "ticket-not-possible") -> None:
        """Take the id of the words that tell whoever tried."""
        self.words = words
        super().__init__(detail)


class DeliveryFailed(BouncedeskError):
    """A message could not be delivered."""


class DeliveryRefused(DeliveryFailed):
    """The channel will never accept this message."""


class DeliveryDelayed(DeliveryFailed):
    """The channel did not accept the message now."""

    def __init__(self, detail: str = "", *, retry_after: float | None = None) -> None:
        """Take the seconds the channel asks us to wait, where it says so (`Retry-After`)."""
        self.retry_after = retry_after
        super().__init__(detail)


class DeliveryAmbiguous(DeliveryFailed):
    """Nobody can know whether the message arrived."""


class RequestRefused(BouncedeskError):
    """The request was refused."""

    def __init__(self, status: int, detail: str) -> None:
        """Take the HTTP status to answer with and the reason for our log (never user text)."""
        self.status = status
        super().__init__(detail)


class UploadRefused(BouncedeskError):
    """The file cannot be read."""
