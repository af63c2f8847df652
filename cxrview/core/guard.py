"""How far an image lies from the training images, in the space of the network's own features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import PackageError
from cxrview.core.image import read_only
from cxrview.core.results import FloatArray

LEAST_SOURCES = 3  # fewer, and leaving one out leaves too little
LEVELS = 200  # quantiles taken of each source's distances
RANK = 64  # principal directions kept; the rest is measured together as one residual
ARRAYS = ("mean", "directions", "scales", "residual_scale", "distances")


@dataclass(frozen=True, slots=True, eq=False)
class Guard:
    """A Gaussian of the pooled features with a low-rank covariance (probabilistic PCA, Tipping and Bishop 1999).

    Attributes:
        mean: (K,).
        directions: (R, K), orthonormal principal directions.
        scales: (R,), standard deviation along each.
        residual_scale: standard deviation of each direction that is not kept.
        distances: (M,) ascending squared distances of images of the training sources that the network did not learn from.
    """

    mean: FloatArray
    directions: FloatArray
    scales: FloatArray
    residual_scale: float
    distances: FloatArray


def fit_guard(
    learned: FloatArray, held_out: FloatArray, *, rank: int = RANK, sources: tuple[Sequence[str], Sequence[str]] | None = None
) -> Guard:
    """Fit on pooled features (N, K) of training images, and calibrate on those (M, K) of held-out ones.

    Args:
        learned: of training images.
        held_out: of images that the network did not learn from.
        rank: principal directions kept.
        sources: of the training images and of the held-out ones. Where there are several, each source's held-out images are
            measured against a Gaussian of the other sources' training images, and every source counts the same: what is
            asked is how far an image of a hospital lies that nobody has seen.

    Raises:
        PackageError: fewer than three training images or no held-out one.
    """
    if len(learned) < 3 or len(held_out) < 1:
        raise PackageError("too few images for the guard.", hint="It needs three training images and one held-out image.")
    guard = _gaussian(learned, rank)
    if sources is None or len(set(sources[0]) & set(sources[1])) < LEAST_SOURCES:
        found = np.sort([_distance(guard, row) for row in held_out])
    else:
        found = _distances_across(learned, held_out, rank, np.asarray(sources[0]), np.asarray(sources[1]))
    return replace(guard, distances=read_only(found.astype(np.float32)))


def _distances_across(
    learned: FloatArray, held_out: FloatArray, rank: int, learned_of: npt.NDArray[np.str_], held_out_of: npt.NDArray[np.str_]
) -> npt.NDArray[np.float64]:
    """Give ascending distances of held-out images to the training images of all other sources, as many of each source."""
    levels = (np.arange(LEVELS) + 0.5) / LEVELS
    distances = []
    for source in sorted(set(learned_of.tolist()) & set(held_out_of.tolist())):
        others = _gaussian(learned[learned_of != source], rank)
        own = [_distance(others, row) for row in held_out[held_out_of == source]]
        distances.append(np.quantile(own, levels))
    return np.sort(np.concatenate(distances))


def _gaussian(learned: FloatArray, rank: int) -> Guard:
    """Fit the Gaussian; its `distances` are not yet measured."""
    mean = learned.mean(axis=0)
    _, singular, rows = np.linalg.svd(learned - mean, full_matrices=False)
    variances = singular.astype(np.float64) ** 2 / (len(learned) - 1)
    kept = int(min(rank, len(learned) // 3, (variances > 1e-9 * variances[0]).sum(), learned.shape[1]))
    rest = float(variances[kept:].sum()) / max(1, learned.shape[1] - kept)
    floor = max(1e-6 * float(variances[0]), 1e-12)
    return Guard(
        mean=read_only(mean.astype(np.float32)),
        directions=read_only(rows[:kept].astype(np.float32)),
        scales=read_only(np.sqrt(np.maximum(variances[:kept], floor)).astype(np.float32)),
        residual_scale=float(np.sqrt(max(rest, floor))),
        distances=read_only(np.zeros(1, dtype=np.float32)),
    )


def in_distribution(guard: Guard, features: FloatArray) -> float:
    """Give the share of held-out images that lie at least as far out as this one, 0 to 1.

    It is a conformal p-value: among images like those of training, a value of at most p comes with a chance of about p.

    Args:
        guard: the package's guard.
        features: (K, h, w), of one image.
    """
    distance = _distance(guard, features.mean(axis=(1, 2)))
    if not np.isfinite(distance):
        return 0.0
    farther = len(guard.distances) - int(np.searchsorted(guard.distances, np.float32(distance), side="left"))
    return (1 + farther) / (1 + len(guard.distances))


def guard_arrays(guard: Guard) -> dict[str, npt.NDArray[np.generic]]:
    """Give the arrays that a package stores."""
    return {
        "mean": guard.mean,
        "directions": guard.directions,
        "scales": guard.scales,
        "residual_scale": np.array([guard.residual_scale], dtype=np.float32),
        "distances": guard.distances,
    }


def guard_from(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Guard:
    """Build a guard from a package's arrays.

    Raises:
        PackageError: an array is missing, or the shapes do not fit.
    """
    if set(arrays) != set(ARRAYS):
        raise PackageError(f"the guard must hold {', '.join(ARRAYS)}, nothing else.")
    values = {name: read_only(np.asarray(arrays[name], dtype=np.float32)) for name in ARRAYS}
    rank, width = values["directions"].shape if values["directions"].ndim == 2 else (-1, -1)
    fits = values["mean"].shape == (width,) and values["scales"].shape == (rank,) and values["residual_scale"].shape == (1,)
    if not fits or values["distances"].ndim != 1 or not len(values["distances"]):
        raise PackageError("the guard's arrays do not fit together.")
    return Guard(values["mean"], values["directions"], values["scales"], float(values["residual_scale"][0]), values["distances"])


def _distance(guard: Guard, pooled: FloatArray) -> float:
    """Squared Mahalanobis distance under the low-rank covariance."""
    centred = (pooled - guard.mean).astype(np.float64)
    along = guard.directions.astype(np.float64) @ centred
    residual = float(centred @ centred - along @ along)
    return float(((along / guard.scales) ** 2).sum()) + max(0.0, residual) / guard.residual_scale**2
