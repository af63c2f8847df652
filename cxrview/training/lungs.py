"""Train a lung network on human masks, from a table to a finished package."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from cxrview.core.errors import DataError, RecipeError
from cxrview.engine.packages import find_package
from cxrview.training.initial import read_weights
from cxrview.training.lung_fit import fit_lungs
from cxrview.training.lung_recipe import LungRecipe
from cxrview.training.mask_examples import MaskExample, load_mask_pictures, read_mask_table

if TYPE_CHECKING:
    from torch import Tensor

Report = Callable[[str], None]


def train_lungs(data: Path, run: Path, recipe: LungRecipe, *, resume: bool = False, report: Report = lambda _: None) -> Path:
    """Train on the masks that the table `data` names and leave everything in `run`; return the folder of the finished package.

    `run` gets `plan.json`, `split.csv`, `events.jsonl`, `checkpoints/`, `report/` and `package/`.

    Raises:
        DataError: the table cannot be used, or `run` holds another run and `resume` is not set.
    """
    import torch

    from cxrview.training.lung_finish import finish_lungs
    from cxrview.training.lung_network import ENCODER, lung_network, start_from

    if (run / "plan.json").exists() and not resume:
        raise DataError("This folder already holds a run.", hint="Add --resume to go on with it, or name another folder.", subject=str(run))
    run.mkdir(parents=True, exist_ok=True)
    examples = read_mask_table(data, recipe.masks.kinds, left_out=recipe.masks.leave_out)
    pictures = load_mask_pictures(examples, recipe.input, report)
    for problem in pictures.problems:
        report(f"  left out: {problem}")
    splits = split_masks(pictures.examples, recipe)
    _write_plan(recipe, pictures.examples, splits, run)
    torch.manual_seed(recipe.fit.seed)
    network = lung_network(len(recipe.masks.kinds))
    weights = first_weights(recipe.init)
    if weights:
        fitting = start_from(network, weights)
        if not fitting:
            raise RecipeError(
                "These weights are of another network than the encoder.", hint=f"Take those of {ENCODER}.", subject=recipe.init
            )
        report(f"The encoder starts from {recipe.init}: {fitting} tensors.")
    chosen, watched = np.flatnonzero(splits == "train"), np.flatnonzero(splits == "val")
    report(f"{len(chosen)} images to learn from, {len(watched)} to watch, {(splits == 'test').sum()} to test.")
    trained = fit_lungs(network, pictures, tuple(recipe.masks.kinds), recipe.fit, (chosen, watched), run, resume=resume, report=report)
    return finish_lungs(recipe, trained, pictures, splits, run, report)


def first_weights(init: str) -> Mapping[str, Tensor]:
    """Read the weights that an `init` names; none for `random`.

    Raises:
        RecipeError: they are not there, or `init` is of another kind.
    """
    kind, _, rest = init.partition(":")
    if kind == "random":
        return {}
    if kind not in ("bundled", "file"):
        raise RecipeError("The first weights are not there.", hint="Use random, bundled:ID or file:PATH.", subject=init)
    return read_weights(find_package(rest).folder / "weights.safetensors" if kind == "bundled" else Path(rest))


def split_masks(examples: tuple[MaskExample, ...], recipe: LungRecipe) -> npt.NDArray[np.str_]:
    """Assign each group of each source to `train`, `val` or `test`, by chance from the recipe's seed; `test_only` groups are all test."""
    random = np.random.default_rng(recipe.fit.seed)
    rules = recipe.masks.test_only
    kept_out = {example.group for example in examples if any(example.attributes.get(key, "") in values for key, values in rules.items())}
    of_group = dict.fromkeys(kept_out, "test")
    for source in sorted({example.source for example in examples}):
        groups = sorted({example.group for example in examples if example.source == source} - set(of_group))
        shuffled = [groups[index] for index in random.permutation(len(groups))]
        test = round(recipe.masks.test_fraction * len(groups))
        val = round(recipe.masks.val_fraction * len(groups))
        of_group |= dict.fromkeys(shuffled[:test], "test")
        of_group |= dict.fromkeys(shuffled[test : test + val], "val")
        of_group |= dict.fromkeys(shuffled[test + val :], "train")
    return np.array([of_group[example.group] for example in examples])


def _write_plan(recipe: LungRecipe, examples: tuple[MaskExample, ...], splits: npt.NDArray[np.str_], run: Path) -> None:
    counts = Counter((split, example.source, example.label) for split, example in zip(splits, examples, strict=True))
    document = {
        "recipe": asdict(recipe),
        "counts": [{"split": a, "source": b, "label": c, "images": n} for (a, b, c), n in sorted(counts.items())],
    }
    (run / "plan.json").write_text(json.dumps(document, indent=1, default=str), encoding="utf-8")
    rows = [
        f"{example.image.name},{split},{example.source},{example.label},{example.group}"
        for split, example in zip(splits, examples, strict=True)
    ]
    (run / "split.csv").write_text("\n".join(["file,split,source,label,group_id", *rows]) + "\n", encoding="utf-8")
