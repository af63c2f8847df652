"""`cxrview import-weights`: a checkpoint of others as an init for recipes, or as a model package."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.terminal import answer, tell
from cxrview.core.errors import EngineUnavailable, NothingToDo, UsageError
from cxrview.io.places import how_to_get

DETAILS = """\
FILE is safetensors, or a .pth, .pt or .tar of torch, of which the tensors alone are read; nothing in it is run. Known are DenseNet,
ResNet, VGG, Xception and others in the layouts of timm, torchvision, CheXNet and torchxrayvision.
With -o NAME.safetensors it becomes an init: `cxrview train … --set init=file:NAME.safetensors`. With -o FOLDER it becomes a model
package with its own outputs, which needs --like: chexnet, torchxrayvision, or a TOML file with its labels and input.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the checkpoint")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="NAME.safetensors|FOLDER", help="an init, or a model package")
    parser.add_argument("--like", metavar="NAME|FILE.toml", help="labels and input of a package: chexnet, torchxrayvision, or a file")
    parser.add_argument("--labels", metavar="A,B,…", help="other labels, in the order of the outputs")
    parser.add_argument("--architecture", metavar="NAME", default="", help="of an init; found by its tensors when not given")
    parser.add_argument("--id", metavar="ID", dest="model_id", help="of the package (default: the folder's name)")


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.file.is_file():
        raise NothingToDo(f"there is no '{arguments.file}'.", hint="Name a checkpoint.")
    if importlib.util.find_spec("torch") is None:
        raise EngineUnavailable("importing weights needs torch, which is not installed.", hint=f"{how_to_get('train').capitalize()}.")
    from cxrview.training.import_weights import import_init, import_package, load_contract, with_labels

    if arguments.output.suffix == ".safetensors":
        architecture = import_init(arguments.file, arguments.output, architecture=arguments.architecture)
        tell(f"{architecture}: use it with --set init=file:{arguments.output} --set architecture.name={architecture}")
        answer(str(arguments.output))
        return ExitCode.OK
    if not arguments.like:
        raise UsageError("a package needs --like.", hint="chexnet, torchxrayvision, or a TOML file with labels and input.")
    labels = [label.strip() for label in (arguments.labels or "").split(",") if label.strip()]
    contract = with_labels(load_contract(arguments.like), labels)
    answer(str(import_package(arguments.file, arguments.output, contract, model_id=arguments.model_id or arguments.output.name)))
    return ExitCode.OK


COMMAND = Command("import-weights", "a network that others trained, as an init or a model package", _add_arguments, _run, DETAILS)
