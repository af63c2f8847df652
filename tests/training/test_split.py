from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxrview.core.errors import DataError
from cxrview.training.examples import Example
from cxrview.training.split import assign_folds, assign_splits, check_splits, find_leaks, read_split, write_split


def _example(number: int, group: str, label: str = "x", source: str = "a", split: str = "") -> Example:
    return Example(Path(f"/data/{number}.png"), label, frozenset({label}), frozenset({"x", "y"}), group, source, split)


@given(
    st.lists(
        st.tuples(st.integers(0, 20), st.sampled_from("xy"), st.sampled_from("ab"), st.sampled_from(["", "", "", "test", "external"])),
        min_size=1,
    ),
    st.integers(0, 5),
)
def test_no_group_is_ever_torn_apart(rows: list[tuple[int, str, str, str]], seed: int) -> None:
    examples = [_example(i, f"g{group}", label, source, split) for i, (group, label, source, split) in enumerate(rows)]
    split = assign_splits(examples, test_fraction=0.2, val_fraction=0.2, seed=seed)
    by_group = defaultdict(set)
    for example in split:
        by_group[example.group].add(example.split)
    assert all(len(splits) == 1 for splits in by_group.values())
    for before, after in zip(examples, split, strict=True):
        if before.split == "external":
            assert after.split == "external"
        if before.split == "test":
            assert after.split in ("test", "external")


def test_each_stratum_gets_its_share() -> None:
    examples = [_example(i, f"g{i}", "xy"[i % 2], "ab"[i % 4 // 2]) for i in range(400)]
    split = assign_splits(examples, test_fraction=0.2, val_fraction=0.1, seed=3)
    counts = Counter((example.source, example.label, example.split) for example in split)
    for source in "ab":
        for label in "xy":
            assert counts[source, label, "test"] == 20
            assert counts[source, label, "val"] == 10
            assert counts[source, label, "train"] == 70


def test_the_same_seed_gives_the_same_split_whatever_the_order() -> None:
    examples = [_example(i, f"g{i // 2}", "xy"[i % 2]) for i in range(60)]
    once = {e.path: e.split for e in assign_splits(examples, test_fraction=0.2, val_fraction=0.2, seed=1)}
    again = {e.path: e.split for e in assign_splits(examples[::-1], test_fraction=0.2, val_fraction=0.2, seed=1)}
    other = {e.path: e.split for e in assign_splits(examples, test_fraction=0.2, val_fraction=0.2, seed=2)}
    assert once == again
    assert once != other


def test_leaks_of_a_ready_made_split_are_found() -> None:
    examples = [_example(1, "p1", split="train"), _example(2, "p1", split="test"), _example(3, "p2", split="train"), _example(4, "p2")]
    (leak,) = find_leaks(examples)
    assert (leak.group, leak.splits, [path.name for path in leak.paths]) == ("p1", ("test", "train"), ["1.png", "2.png"])


def test_a_split_without_negatives_is_refused() -> None:
    examples = [_example(i, f"g{i}", "x", split="train") for i in range(3)]
    with pytest.raises(DataError, match="3 positives and 0 negatives of 'x'"):
        check_splits(examples, ("x",))


def test_the_manifest_is_read_back_and_its_hash_follows_the_content(tmp_path: Path) -> None:
    examples = [_example(2, "g2", split="test"), _example(1, "g1", split="train")]
    hashes = {example.path: "0" * 64 for example in examples}
    first = write_split(tmp_path / "a.csv", examples, hashes, root=Path("/data"))
    assert first == write_split(tmp_path / "b.csv", examples[::-1], hashes, root=Path("/data"))
    assert read_split(tmp_path / "a.csv") == {"1.png": "train", "2.png": "test"}
    moved = [examples[0], _example(1, "g1", split="val")]
    assert first != write_split(tmp_path / "c.csv", moved, hashes, root=Path("/data"))


@given(
    st.lists(st.tuples(st.integers(0, 25), st.sampled_from("xy"), st.sampled_from("ab")), min_size=1),
    st.integers(2, 5),
    st.integers(0, 5),
)
def test_over_all_folds_each_group_is_tested_once_and_never_torn(rows: list[tuple[int, str, str]], folds: int, seed: int) -> None:
    examples = [_example(i, f"g{group}", label, source) for i, (group, label, source) in enumerate(rows)]
    examples.append(_example(999, "outside", split="external"))
    tested: Counter[str] = Counter()
    for fold in range(folds):
        split = assign_folds(examples, folds=folds, fold=fold, val_fraction=0.2, seed=seed)
        of_group = defaultdict(set)
        for example in split:
            of_group[example.group].add(example.split)
        assert all(len(splits) == 1 for splits in of_group.values())
        assert of_group.pop("outside") == {"external"}
        tested.update(group for group, splits in of_group.items() if splits == {"test"})
    assert set(tested) == {example.group for example in examples} - {"outside"}
    assert set(tested.values()) == {1}


def test_folds_are_of_about_one_size_in_each_stratum() -> None:
    examples = [_example(i, f"g{i}", "xy"[i % 2], "ab"[i // 2 % 2]) for i in range(200)]
    for fold in range(5):
        split = assign_folds(examples, folds=5, fold=fold, val_fraction=0.1, seed=3)
        counts = Counter((example.split, example.label, example.source) for example in split)
        assert {n for (name, _, _), n in counts.items() if name == "test"} == {10}
        assert {n for (name, _, _), n in counts.items() if name == "val"} == {5}
