"""Do the heatmaps tell the truth about the network? Boxes, deletion and insertion, and weights put in disorder."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from cxrview.core.frame import Box, Frame
from cxrview.core.heatmap import fraction_inside, heatmaps, to_image_px
from cxrview.core.results import FloatArray, Forward, Heatmap, HeatmapTarget, ModelInput
from cxrview.engine.base import Predictor
from cxrview.engine.disorder import shuffled_head
from cxrview.engine.packages import Package
from cxrview.evaluation.rank_correlation import rank_correlation

# Around a box, of the image's shorter side: as the 15 px of the pointing game on its pictures of some 500 px.
POINTING_MARGIN = 0.03
STEPS = 10
RANDOM_ORDERS = 3
# Of the model's shorter side: the blur that stands for "nothing there", coarse enough to take away a rib's detail.
BLUR = 0.08
# Logits: where the blur changes the answer by less, there is nothing to explain. Curves are cut where they leave twice that range.
LEAST_CHANGE = 0.25
CUT = (-1.0, 2.0)
SHUFFLES = 5
# A map that looks the same whatever the weights are explains the picture, not the network; one that looks half the same is in doubt.
SAME_MAP, SIMILAR_MAP = 0.7, 0.5


@dataclass(frozen=True, slots=True)
class Pointing:
    """One map against boxes: `is_hit`, the hottest place lies in one or within 3 %; `energy`, share of positive heat in them.

    `even` is the share of the image that the boxes cover, which an even map would have as energy.
    """

    is_hit: bool
    energy: float
    even: float


@dataclass(frozen=True, slots=True)
class Deletion:
    """Areas under the curves of a label's logit while places go (deletion) or come (insertion), hottest first or by chance.

    Each is scaled so that 0 is the blurred picture and 1 the whole one, and averaged over the steps. A faithful map has
    deletion below, and insertion above, the same by chance.
    """

    deletion: float
    insertion: float
    random_deletion: float
    random_insertion: float

    @property
    def gain(self) -> float:
        """How much better than chance, both ways together; positive is faithful."""
        return (self.random_deletion - self.deletion) + (self.insertion - self.random_insertion)


def point(heatmap: Heatmap, frame: Frame, boxes: Sequence[Box]) -> Pointing | None:
    """Play the pointing game (Zhang et al., IJCV 126, 2018) and its energy form (Wang et al., Score-CAM, 2020); None for an empty map.

    Args:
        heatmap: of the label the boxes belong to.
        frame: model px to image px.
        boxes: image px, one at least.
    """
    mask = np.zeros((frame.image_height, frame.image_width), np.bool_)
    for box in boxes:
        mask[max(0, round(box.top)) : round(box.bottom), max(0, round(box.left)) : round(box.right)] = True
    energy = fraction_inside(heatmap, mask, frame)
    if math.isnan(energy):
        return None
    values = np.nan_to_num(to_image_px(heatmap.values, frame), nan=-np.inf)
    row, column = np.unravel_index(int(values.argmax()), values.shape)
    slack = POINTING_MARGIN * min(mask.shape)
    is_hit = any(
        box.left - slack <= column + 0.5 <= box.right + slack and box.top - slack <= row + 0.5 <= box.bottom + slack for box in boxes
    )
    return Pointing(is_hit, energy, float(mask.mean()))


def deletion_insertion(
    model_input: ModelInput,
    heatmap: Heatmap,
    answer: Callable[[FloatArray], npt.NDArray[np.floating]],
    *,
    steps: int = STEPS,
    seed: int = 0,
) -> Deletion | None:
    """Take the hottest places away from a picture, and bring them back to a blurred one, a tenth at a time.

    Petsiuk, Das and Saenko, "RISE", BMVC 2018; places are filled from a blur, since flat gray is a picture the network
    never saw (Rong et al., "ROAD", ICML 2022, on what a filling gives away). None where the blur changes the answer by less
    than 0.25 logits, since there is nothing to explain.

    Args:
        model_input: the prepared picture.
        heatmap: whose order of cells is judged.
        answer: the label's logit, (N,), of pictures (N, C, H, W).
        steps: how many parts the cells are taken in.
        seed: of the orders by chance.
    """
    tensor = model_input.tensor
    sigma = BLUR * min(tensor.shape[2:])
    blurred = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in tensor[0]])[np.newaxis].astype(np.float32)
    full, empty = (float(value) for value in answer(np.concatenate([tensor, blurred])))
    if abs(full - empty) < LEAST_CHANGE:
        return None

    def curves(order: npt.NDArray[np.intp]) -> tuple[float, float]:
        masks = _masks(order, heatmap.values.shape, tensor.shape[2:], steps)
        gone = np.concatenate([np.where(mask, blurred, tensor) for mask in masks])
        come = np.concatenate([np.where(mask, tensor, blurred) for mask in masks])
        values = np.clip((np.asarray(answer(np.concatenate([gone, come])), np.float64) - empty) / (full - empty), *CUT)
        return float(values[: len(masks)].mean()), float(values[len(masks) :].mean())

    sign = 1.0 if full > empty else -1.0  # where the picture speaks against the label, so does its hottest place last
    deletion, insertion = curves(np.argsort(-sign * heatmap.values.reshape(-1), kind="stable"))
    rng = np.random.default_rng(seed)
    by_chance = [curves(rng.permutation(heatmap.values.size)) for _ in range(RANDOM_ORDERS)]
    return Deletion(deletion, insertion, float(np.mean([one for one, _ in by_chance])), float(np.mean([two for _, two in by_chance])))


def logit_of(predictor: Predictor, place: int) -> Callable[[FloatArray], npt.NDArray[np.floating]]:
    """Give a function from pictures (N, C, H, W) to the logit (N,) of one label."""
    return lambda batch: np.array([forward.logits[place] for forward in predictor.run(batch)])


def randomised_similarity(forward: Forward, package: Package, place: int, *, seed: int = 0) -> float:
    """Tell how alike a label's map stays when the weights of the head are put in disorder, 0 to 1; NaN without a head or a flat map.

    The model-parameter randomisation test of Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018, on the head, whose
    weights the map is made from: the mean absolute rank correlation over five shuffles. Near 1, the map would look like this
    whatever the network had learned.
    """
    if package.head is None or forward.features is None:
        return math.nan
    labels = package.manifest.labels
    (own,) = heatmaps(forward, package.head, labels, only=[place])
    if own.is_flat or own.values.size < 4:
        return math.nan
    rng = np.random.default_rng(seed)
    found: list[float] = []
    for _ in range(SHUFFLES):
        head = shuffled_head(package.head, rng)
        (other,) = heatmaps(forward, head, labels, only=[place], target=HeatmapTarget.LOGIT)
        found.append(abs(rank_correlation(own.values, other.values)))
    return float(np.mean(found))


def _masks(order: npt.NDArray[np.intp], grid: tuple[int, ...], size: tuple[int, ...], steps: int) -> list[npt.NDArray[np.bool_]]:
    """Mark the first tenth of the cells, the first two tenths and so on, at picture size; all but the last, which is everything."""
    masks = []
    for step in range(1, steps):
        cells = np.zeros(order.size, np.uint8)
        cells[order[: max(1, round(step * order.size / steps))]] = 1
        masks.append(cv2.resize(cells.reshape(grid), size[::-1], interpolation=cv2.INTER_NEAREST).astype(np.bool_))
    return masks
