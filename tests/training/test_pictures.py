from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.core.errors import DataError
from cxrview.core.image import ImageRef
from cxrview.core.prepare import prepare
from cxrview.io.places import places
from cxrview.io.read import read_pixels
from cxrview.training.examples import Example, read_collection
from cxrview.training.pictures import MOST_LIKE, load_pictures, near_duplicates, same_pictures
from cxrview.training.recipe import Recipe


def _examples(films: Path, recipe: Recipe) -> tuple[Example, ...]:
    return read_collection(films, recipe.data).examples


def test_pictures_are_what_prepare_makes_of_the_file(films: Path, small_recipe: Recipe) -> None:
    examples = _examples(films, small_recipe)[:5]
    loaded = load_pictures(examples, small_recipe.input)
    for example, channels in zip(examples, loaded.pictures.stack, strict=True):
        np.testing.assert_array_equal(channels[0], prepare(read_pixels(ImageRef(example.path)), small_recipe.input).gray)


def test_a_second_load_comes_from_the_cache_and_is_the_same(films: Path, small_recipe: Recipe) -> None:
    examples = _examples(films, small_recipe)[:5]
    first = load_pictures(examples, small_recipe.input)
    said: list[str] = []
    second = load_pictures(examples, small_recipe.input, report=said.append)
    assert said == ["5 images from the cache."]
    np.testing.assert_array_equal(first.pictures.stack, second.pictures.stack)
    assert first.pictures.sha256 == second.pictures.sha256
    assert first.examples == second.examples


def test_another_contract_or_a_changed_file_is_read_anew(films: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    copy = Path(shutil.copy(films.parent / "0.png", tmp_path / "0.png"))
    example = replace(_examples(films, small_recipe)[0], path=copy)
    first = load_pictures([example], small_recipe.input).pictures
    load_pictures([example], replace(small_recipe.input, width=32))
    shutil.copyfile(films.parent / "1.png", copy)
    assert load_pictures([example], small_recipe.input).pictures.sha256 != first.sha256
    assert len(list((places().cache_dir / "training").glob("*.npz"))) == 3


def test_a_file_that_cannot_be_read_is_left_out_with_its_reason(films: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"\x89PNG\r\n\x1a\nnothing more")
    good, bad = _examples(films, small_recipe)[0], replace(_examples(films, small_recipe)[1], path=broken)
    loaded = load_pictures([bad, good], small_recipe.input)
    assert loaded.examples == (good,)
    assert len(loaded.problems) == 1
    assert "broken.png" in loaded.problems[0]
    with pytest.raises(DataError, match="Not one image could be read"):
        load_pictures([bad], small_recipe.input)


def test_a_recompressed_copy_is_a_near_duplicate_and_another_chest_is_not(films: Path, small_recipe: Recipe, tmp_path: Path) -> None:
    import cv2

    original, other = (example for example in _examples(films, small_recipe)[:2])
    copy = tmp_path / "copy.jpg"
    cv2.imwrite(str(copy), cv2.resize(cv2.imread(str(original.path), cv2.IMREAD_GRAYSCALE), (200, 200)), [cv2.IMWRITE_JPEG_QUALITY, 80])
    pictures = load_pictures([original, other, replace(original, path=copy)], small_recipe.input).pictures
    assert near_duplicates(pictures, 24) == ((0, 2),)
    assert near_duplicates(pictures, -1) == ()


def test_more_images_than_fit_into_memory_are_refused_with_figures(
    films: Path, small_recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxrview.training import pictures

    examples = _examples(films, small_recipe)[:5]
    monkeypatch.setattr(pictures, "free_memory", lambda: 20_000)
    with pytest.raises(DataError, match=r"5 images of 48 × 48 px need 0\.0 GB of memory"):
        load_pictures(examples, small_recipe.input)
    monkeypatch.setattr(pictures, "free_memory", lambda: 0)  # a system that does not tell
    assert len(load_pictures(examples, small_recipe.input).examples) == 5


def test_the_search_for_like_pictures_finds_what_comparing_all_with_all_finds() -> None:
    random = np.random.default_rng(3)
    hashes = random.random((5000, 256)) < 0.5
    for copy, original, bits in ((17, 3, 0), (4900, 3, 24), (4999, 4200, 25), (90, 60, 10)):
        hashes[copy] = hashes[original]
        hashes[copy, random.permutation(256)[:bits]] ^= True
    told: list[int] = []
    signs = np.where(hashes, np.float32(1), np.float32(-1))
    wanted = {(int(one), int(two)) for one, two in np.argwhere((256 - signs @ signs.T) / 2 <= 24) if one < two}
    assert set(same_pictures(hashes, 24, report=told.append)) == wanted >= {(3, 17), (3, 4900), (17, 4900), (60, 90)}
    assert told[0] == 0
    assert told == sorted(told)


def test_a_thousand_blank_pictures_do_not_make_half_a_million_pairs() -> None:
    pairs = same_pictures(np.zeros((1000, 256), np.bool_), 24)
    assert len(pairs) < 1000 * MOST_LIKE
    assert {second for _first, second in pairs} == set(range(1, 1000))
