from __future__ import annotations

from pathlib import Path

import pytest

from cxrview.core.manifest import Architecture, InputSpec, Task
from cxrview.core.phantom import phantom
from cxrview.io.phantom_files import write_png
from cxrview.training.recipe import AugmentRecipe, Balance, DataRecipe, FitRecipe, PackageRecipe, Precision, Recipe


@pytest.fixture(scope="session")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of phantoms: two sources, each with clear chests and chests with opacities."""
    folder = tmp_path_factory.mktemp("films")
    rows = ["file,label,source,patient_id"]
    for number in range(48):
        label, source = ("opacity", "clear")[number % 2], ("north", "south")[number // 2 % 2]
        drawn = phantom(number, size=(96, 96), bits=8, opacities=3 if label == "opacity" else 0)
        write_png(folder / f"{number}.png", drawn)
        rows.append(f"{number}.png,{label},{source},p{number}")
    table = folder / "films.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


@pytest.fixture
def small_recipe() -> Recipe:
    """A recipe that trains in seconds."""
    return Recipe(
        name="small",
        title="Small",
        description="For tests.",
        task=Task.MULTILABEL,
        input=InputSpec(width=48, height=48, mean=(0.5,), std=(0.25,)),
        architecture=Architecture("cnn-pooled", dropout=0.1),
        data=DataRecipe(labels=("opacity",), label_map={"clear": ()}, test_fraction=0.25, val_fraction=0.25, duplicate_distance=-1),
        augment=AugmentRecipe(stretch=0.1, gamma=0.2, noise=3, blur_px=0.5, erase=0.2, flip=0.1),
        fit=FitRecipe(
            epochs=4,
            batch=8,
            learning_rate=3e-3,
            warmup_epochs=1,
            balance=Balance.LABEL_AND_SOURCE,
            average=0.8,
            patience=0,
            precision=Precision.FLOAT32,
        ),
        package=PackageRecipe(id="small-test"),
    )
