"""A great many small films, made quickly: blends of phantoms, each with its own shadows, so that hardly two hash alike."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.phantom import as_pixels, phantom

SIDE = 128
PARENTS = 40
IN_A_FOLDER = 5000


def many_films(root: Path, count: int) -> Path:
    """Write `count` PNG films of two classes; of every 1,000 one is damaged, two are copies, and two are lighter versions of another."""
    random = np.random.default_rng(1)
    parents = [np.asarray(as_pixels(phantom(seed, size=(SIDE, SIDE), bits=8)).values, np.float32) for seed in range(PARENTS)]
    last = np.zeros((SIDE, SIDE), np.uint8)
    for number in range(count):
        folder = root / ("clear", "opacity")[number % 2] / f"{number // IN_A_FOLDER:03d}"
        if number % IN_A_FOLDER < 2:
            folder.mkdir(parents=True, exist_ok=True)
        turn = number % 1000
        if turn not in (501, 502, 503, 504):
            last = _film(parents, random)
        drawn = np.clip(last * 0.9 + 20, 0, 255).astype(np.uint8) if turn in (503, 504) else last
        content = cv2.imencode(".png", drawn, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes()
        (folder / f"{number:06d}.png").write_bytes(content[:200] if turn == 500 else content)
    return root


def _film(parents: list[npt.NDArray[np.float32]], random: np.random.Generator) -> npt.NDArray[np.uint8]:
    one, two = random.integers(PARENTS, size=2)
    shadows = cv2.resize(random.normal(0, 28, (14, 14)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    share = random.uniform(0.3, 0.7)
    return np.clip(share * parents[one] + (1 - share) * parents[two] + shadows, 0, 255).astype(np.uint8)
