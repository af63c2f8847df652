"""The witness of a measurement excuses the time in which no core ran, and nothing else."""

from __future__ import annotations

from tests.benchmarks.witness import Witness, explained_s, in_all


def test_only_what_every_core_missed_is_a_stall_of_the_machine() -> None:
    one = [(1.0, 1.3), (2.0, 2.1), (5.0, 5.5)]
    other = [(1.1, 1.2), (1.25, 2.05), (3.0, 4.0)]
    assert in_all([one]) == one
    assert in_all([one, other]) == [(1.1, 1.2), (1.25, 1.3), (2.0, 2.05)]
    assert in_all([one, other, []]) == []


def test_a_late_beat_is_explained_by_the_part_of_a_stall_that_lies_in_it() -> None:
    stalls = [(0.5, 1.25), (2.0, 2.5)]
    assert explained_s(1.0, 2.25, stalls) == 0.5
    assert explained_s(1.25, 2.0, stalls) == 0.0
    assert explained_s(0.0, 3.0, []) == 0.0


def test_the_witness_is_a_process_that_ends_with_its_account() -> None:
    account = Witness().stop()
    assert account.stalls == tuple(sorted(account.stalls))
    assert all(begin < end for begin, end in account.stalls)
