"""The store tells of differences, once, in order."""

from __future__ import annotations

from cxrview.app.state import AppState, notice_given, opacity_chosen
from cxrview.app.store import Store


def test_an_equal_state_is_not_news() -> None:
    store, heard = Store(AppState()), []
    store.changed.connect(heard.append)
    store.apply(opacity_chosen, store.state.layers.current.opacity)
    store.apply(notice_given, "")
    assert heard == []
    store.apply(notice_given, "hello")
    assert [state.notice for state in heard] == ["hello"]
    assert store.state is heard[0]


def test_a_change_made_while_listeners_are_told_is_told_to_all_after_it() -> None:
    store, first, last = Store(AppState()), [], []

    def answer(state: AppState) -> None:
        first.append(state.notice)
        if state.notice == "question":
            store.apply(notice_given, "answer")

    store.changed.connect(answer)
    store.changed.connect(lambda state: last.append(state.notice))
    store.apply(notice_given, "question")
    assert first == ["question", "answer"]
    assert last == ["question", "answer"]


def test_a_bound_transition_takes_what_a_signal_carries() -> None:
    store = Store(AppState())
    store.bound(opacity_chosen)(0.25)
    assert store.state.layers.current.opacity == 0.25
