from __future__ import annotations

from pathlib import Path

import numpy as np

from cxrview.core.manifest import Channels, Enhancement, InputSpec
from cxrview.core.phantom import phantom
from cxrview.core.prepare import to_gray
from cxrview.io.phantom_files import write_png
from cxrview.training.augment import augmented
from cxrview.training.preview import SHOWN, preview
from cxrview.training.recipe import AugmentRecipe

NOTHING = AugmentRecipe(0, 0, 1, 1, 0, 0, 0)


def test_a_preview_shows_what_the_network_sees(tmp_path: Path) -> None:
    from cxrview.core.image import ImageRef
    from cxrview.io.read import read_pixels

    path = write_png(tmp_path / "a.png", phantom(3, size=(200, 160), bits=8))
    spec = InputSpec(width=64, height=64, channels=Channels.GRAY_CLAHE_BEASF, border_crop=0.06, mean=(0.5,) * 3, std=(0.2,) * 3)
    shown = preview(path, spec, AugmentRecipe())
    assert shown.whole.shape == (256, 256)
    assert shown.channels.shape == (3, 64, 64)
    np.testing.assert_array_equal(shown.channels[0], to_gray(read_pixels(ImageRef(path)), spec).gray)
    assert len(shown.changed) == SHOWN
    assert len({changed.tobytes() for changed in shown.changed}) == SHOWN


def test_every_step_of_preparation_is_shown_by_itself_and_told_whether_the_recipe_takes_it(tmp_path: Path) -> None:
    path = write_png(tmp_path / "a.png", phantom(3, size=(400, 400), bits=8))
    spec = InputSpec(width=64, height=64, lung_crop=True, enhancement=(Enhancement.CLAHE,))
    others = [np.full((96, 96), level, np.uint8) for level in (20, 200)]
    shown = preview(path, spec, AugmentRecipe(), others=others)
    steps = {each.title: each for each in shown.prepared}
    assert {"cropped to the lungs", "the lungs alone", "CLAHE", "BEASF", "letters and dates filled in", "gray levels matched to all"} == {
        *steps
    }
    assert {title for title, each in steps.items() if each.is_used} == {"cropped to the lungs", "CLAHE"}
    assert (steps["the lungs alone"].picture == 0).mean() > 0.5 > (shown.whole == 0).mean()
    for title in ("cropped to the lungs", "CLAHE", "BEASF", "gray levels matched to all"):
        assert (steps[title].picture != shown.whole).mean() > 0.2, title


def test_augmentation_that_is_off_changes_nothing() -> None:
    gray = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    np.testing.assert_array_equal(augmented(gray[None], NOTHING, np.random.default_rng(1))[0], gray)


def test_each_change_stays_between_its_bounds() -> None:
    from dataclasses import replace

    gray = np.full((64, 64), 120, np.uint8)
    gray[20:40, 20:40] = 200
    random = np.random.default_rng(2)
    np.testing.assert_array_equal(augmented(gray[None], replace(NOTHING, flip=1.0), random)[0], gray[:, ::-1])
    erased = augmented(gray[None], replace(NOTHING, erase=1.0), random)[0]
    assert 0.01 < (erased == 0).mean() < 0.11
    levels = [augmented(np.full((1, 8, 8), 100, np.uint8), replace(NOTHING, brightness=0.2), random)[0, 0, 0] for _ in range(50)]
    assert 79 <= min(levels) < 95 < 105 < max(levels) <= 121
