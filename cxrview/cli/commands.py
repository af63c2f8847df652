"""All commands, in the order of the help."""

from __future__ import annotations

from cxrview.cli import doctor, evaluate, explain, library, lungs, models, phantom, recipes, score, train

COMMANDS = (
    score.COMMAND,
    explain.COMMAND,
    train.COMMAND,
    evaluate.COMMAND,
    recipes.COMMAND,
    models.COMMAND,
    library.COMMAND,
    lungs.COMMAND,
    phantom.COMMAND,
    doctor.COMMAND,
)
