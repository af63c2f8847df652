"""All commands, in the order of the help."""

from __future__ import annotations

from cxrview.cli import doctor, explain, library, models, phantom, recipes, score, train

COMMANDS = (
    score.COMMAND,
    explain.COMMAND,
    train.COMMAND,
    recipes.COMMAND,
    models.COMMAND,
    library.COMMAND,
    phantom.COMMAND,
    doctor.COMMAND,
)
