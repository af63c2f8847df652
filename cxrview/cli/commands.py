"""All commands, in the order of the help."""

from __future__ import annotations

from cxrview.cli import doctor, evaluate, explain, import_weights, library, lungs, models, phantom, recipes, score, train

COMMANDS = (
    score.COMMAND,
    explain.COMMAND,
    train.COMMAND,
    evaluate.COMMAND,
    recipes.COMMAND,
    import_weights.COMMAND,
    models.COMMAND,
    library.COMMAND,
    lungs.COMMAND,
    phantom.COMMAND,
    doctor.COMMAND,
)
