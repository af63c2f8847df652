"""The one tree of errors: each says what is wrong, about which file, and what to do."""

from __future__ import annotations


class CxrError(Exception):
    """A failure with a sentence for people.

    Attributes:
        message: what is wrong, one sentence, no trailing file name.
        hint: what to do about it; may be empty.
        subject: the file or folder it is about; empty when none.
    """

    def __init__(self, message: str, *, hint: str = "", subject: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.subject = subject

    def __str__(self) -> str:
        """Give the whole line: subject, message, hint."""
        head = f"{self.subject}: {self.message}" if self.subject else self.message
        return f"{head} {self.hint}".rstrip()

    def about(self, subject: str) -> CxrError:
        """Return this error naming its file, unless it already names one."""
        if not self.subject:
            self.subject = subject
        return self


class UnreadableImage(CxrError):
    """The file is meant to be an image and cannot be read."""


class NotAnImage(UnreadableImage):
    """The file holds no picture (text, table, structured report, waveform)."""


class ImageTooLarge(UnreadableImage):
    """The file declares more pixels, bytes or frames than the limits allow."""


class UnsuitableImage(CxrError):
    """The picture was read but cannot be prepared for this model."""


class ManifestError(CxrError):
    """A model package's manifest is wrong."""


class PackageError(CxrError):
    """A model package is broken: a missing file, a wrong hash, a failed self-test."""


class EngineUnavailable(CxrError):
    """A runtime or device that was asked for is not here."""


class ExplanationUnavailable(CxrError):
    """This model has no heatmap of the wanted kind."""


class SettingsError(CxrError):
    """The settings file is wrong."""


class BrokenMarks(CxrError):
    """A document of measurements and notes is wrong."""


class UsageError(CxrError):
    """A command was called with words it cannot take."""


class NothingToDo(CxrError):
    """No input was found."""


class BatchStopped(CxrError):
    """A batch cannot go on now; what it has done is kept, and the same command goes on."""


class RecipeError(CxrError):
    """A training recipe is wrong."""


class DataError(CxrError):
    """The training data cannot be used as it stands."""


class LibraryError(CxrError):
    """The study index cannot be opened, read or written."""


class LibraryDamaged(LibraryError):
    """The study index is broken; opening it again rebuilds it."""


class Cancelled(Exception):  # cancelling is not an error
    """The work was asked to stop."""
