"""An error is one line for people: which file, what is wrong, what to do."""

from __future__ import annotations

import pytest

from cxrview.core.errors import Cancelled, CxrError, ImageTooLarge, NotAnImage, UnreadableImage


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (CxrError("It is broken."), "It is broken."),
        (CxrError("It is broken.", hint="Mend it."), "It is broken. Mend it."),
        (CxrError("It is broken.", subject="a.dcm"), "a.dcm: It is broken."),
        (CxrError("It is broken.", hint="Mend it.", subject="a.dcm"), "a.dcm: It is broken. Mend it."),
    ],
)
def test_the_line_holds_subject_message_and_hint(error: CxrError, line: str) -> None:
    assert str(error) == line


def test_about_names_the_file_once() -> None:
    error = UnreadableImage("It is broken.").about("inner.dcm")
    assert str(error.about("outer.zip")) == "inner.dcm: It is broken."


def test_about_gives_back_the_same_error_so_that_it_can_be_raised_on() -> None:
    error = NotAnImage("It is a table.")
    assert error.about("a.csv") is error


@pytest.mark.parametrize("kind", [NotAnImage, ImageTooLarge])
def test_every_refusal_of_a_file_can_be_caught_as_unreadable(kind: type[CxrError]) -> None:
    with pytest.raises(UnreadableImage):
        raise kind("No.")


def test_cancelling_is_no_error() -> None:
    assert not issubclass(Cancelled, CxrError)
