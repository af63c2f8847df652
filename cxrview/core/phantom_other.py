"""Pictures that are no chest radiographs: a hand, a page of text, noise, nothing. Gray 0 to 1, bright = dense."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from cxrview.core.phantom_solids import FloatArray, Points, Screen, Tube, rod, union_of_tubes

# How fast a centimetre of bone or flesh saturates the picture.
BONE_PER_CM = 0.55
FLESH_PER_CM = 0.22
WRIST = np.array([0.0, 27.0, 0.0])
WORDS = ("heart", "size", "normal", "lungs", "clear", "no", "effusion", "report", "patient", "study", "image", "left", "film", "date")


def draw_hand(screen: Screen, rng: np.random.Generator) -> FloatArray:
    """Draw a hand from the front: flesh, and bones in four rows."""
    flesh = union_of_tubes(_flesh_of_palm(), screen)
    bone = union_of_tubes(_bones_of_wrist(), screen)
    for number, (degrees, length) in enumerate(((-46, 0.78), (-13, 1.0), (-2, 1.08), (9, 1.02), (22, 0.84))):
        angle = np.radians(degrees + rng.normal(0, 2))
        heading = np.array([np.sin(angle), -np.cos(angle), 0.0])
        finger = 24.0 * length * float(rng.normal(1.0, 0.02))
        knots = (0.14, 0.47, 0.70, 0.84, 0.95) if number else (0.14, 0.50, 0.72, 0.93)
        skin = rod(WRIST + np.outer((0.1, 0.5, 1.0), heading) * finger, np.array([3.0, 1.9, 1.25]))
        phalanges = [_phalanx(heading, finger * start + 0.25, finger * end - 0.25) for start, end in pairwise(knots)]
        np.maximum(flesh, union_of_tubes([skin], screen), out=flesh)
        np.maximum(bone, union_of_tubes(phalanges, screen), out=bone)
    noise = rng.standard_normal(flesh.shape, dtype=np.float32) * np.float32(0.008)
    gray = 0.03 + 0.45 * np.tanh(flesh * FLESH_PER_CM) + 0.5 * np.tanh(bone * BONE_PER_CM) + noise
    return np.asarray(np.clip(gray, 0, 1), np.float32)


def _flesh_of_palm() -> tuple[Tube, ...]:
    return (rod(np.array([(0.0, 21.0, 0.0), (0.0, 27.0, 0.0), (0.0, 45.0, 0.0)]), np.array([4.6, 3.9, 4.2])),)


def _bones_of_wrist() -> list[Tube]:
    forearm = [
        rod(np.array([(x, 28.5, 0.0), (x * 0.8, 32.0, 0.0), (x * 0.8, 45.0, 0.0)]), np.array([1.5, 0.95, 0.95])) for x in (-1.7, 1.8)
    ]
    middles = ((-2.0, 26.2), (-0.6, 26.9), (0.8, 26.8), (2.0, 26.2), (-2.1, 24.6), (-0.7, 24.9), (0.7, 25.0), (2.1, 24.8))
    return forearm + [rod(np.array([(x, y, 0.0), (x + 0.3, y + 0.1, 0.0)]), np.array([0.72, 0.7])) for x, y in middles]


def _phalanx(heading: Points, start: float, end: float) -> Tube:
    waist = np.array([0.95, 0.86, 0.70, 0.60, 0.56, 0.58, 0.66, 0.78, 0.84])
    return rod(WRIST + np.outer(np.linspace(start, end, len(waist)), heading), waist)


def draw_text_page(size: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Draw black lines of words on white paper."""
    width, height = size
    page = np.full((height, width), 245, np.uint8)
    scale = min(size) / 900
    line = max(round(34 * scale), 3)
    for y in range(3 * line, height - 2 * line, line):
        words = " ".join(rng.choice(WORDS, 14))
        if rng.random() < 0.85:
            cv2.putText(page, words, (2 * line, y), cv2.FONT_HERSHEY_SIMPLEX, 0.75 * scale, 20, max(round(1.6 * scale), 1), cv2.LINE_AA)
    page[:, -2 * line :] = 245
    return np.asarray(page / np.float32(255), np.float32)


def draw_noise(size: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Draw independent gray values."""
    return rng.random((size[1], size[0]), dtype=np.float32)


def draw_blank(size: tuple[int, int], rng: np.random.Generator) -> FloatArray:
    """Draw an exposure of nothing: one gray with the faintest noise."""
    level = np.float32(rng.uniform(0.02, 0.9))
    return np.asarray(np.clip(level + rng.standard_normal((size[1], size[0]), dtype=np.float32) * np.float32(0.004), 0, 1), np.float32)
