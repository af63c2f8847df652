"""`cxrview explain`: one image, its findings, and a heatmap drawn over it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cxrview.cli.command import Command, ExitCode
from cxrview.cli.options import add_model_options, add_quiet_option, chosen_package, engine_wish, fraction, positive_number
from cxrview.cli.terminal import answer, table_lines, tell
from cxrview.core.errors import NothingToDo, UsageError
from cxrview.io.settings import load_settings

if TYPE_CHECKING:
    from cxrview.core.image import ImageRef, Pixels
    from cxrview.core.results import Analysis, Finding, Forward, Heatmap, ModelInput
    from cxrview.engine.base import Predictor
    from cxrview.engine.packages import Package
    from cxrview.engine.spread import Spread

METHODS = ("auto", "gradcam", "hirescam", "gradcam++", "xgradcam", "layercam", "gradcam-elementwise", "eigengradcam", "occlusion", "lime")
# These give the maps of all labels for the price of one, so that all can share a scale.
TOGETHER = ("auto", "gradcam", "hirescam", "occlusion", "lime")
TARGETS = ("logit", "one-against-rest")
DETAILS = """\
IMAGE is a file; a member of an archive is written as the table of `score` writes it: archive.zip!folder/file.dcm.
Without --label the label with the highest probability is drawn. All labels of an image share one colour scale, whose numbers
stand at the bar in logits; a map without relief is not drawn, the picture says so.
"""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("image", metavar="IMAGE", help="the image")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OVERLAY.png", help="the picture to write")
    parser.add_argument("--label", metavar="L", help="the label to explain, by id (default: the top label)")
    parser.add_argument("--method", choices=METHODS, default="auto", help="how the map is made (default: as the model declares)")
    parser.add_argument(
        "--target",
        choices=TARGETS,
        default=TARGETS[0],
        help="explain the label's own logit, or this label against the rest",
    )
    parser.add_argument("--network", metavar="NAME", default="", help="of a model of several networks, explain this one alone")
    parser.add_argument("--frame", type=positive_number, default=1, metavar="N", help="the frame of a file with several, from 1")
    parser.add_argument("--signed", action="store_true", help="also show what speaks against the label")
    parser.add_argument(
        "--colours", metavar="NAME", default="", help="colour table: inferno, magma, viridis, cividis, diverging, green-red, jet"
    )
    parser.add_argument(
        "--prevalence",
        action="append",
        default=[],
        metavar="L=SHARE",
        help="how common a label is among your own patients, 0 to 1: its probability there is told beside the model's own",
    )
    parser.add_argument(
        "--spread",
        action="store_true",
        help="also tell how far the answers spread, over small changes of the picture's place or the networks",
    )
    parser.add_argument("--opacity", type=fraction, default=0.6, metavar="X", help="of the strongest place, 0 to 1 (default: 0.6)")
    add_model_options(parser)
    add_quiet_option(parser)


def _run(arguments: argparse.Namespace) -> int:
    from cxrview.core.lung_input import needs_lungs, prepare_with_lungs
    from cxrview.engine.analyse import analysis_of, polarity_checked, with_flags_of_file
    from cxrview.engine.choose import open_predictor
    from cxrview.engine.lungs import open_lungs
    from cxrview.io.read import read_pixels

    _check(arguments)
    settings = load_settings()
    pixels = read_pixels(image_ref(arguments.image, frame=arguments.frame))
    package = chosen_package(arguments.model, settings)
    prevalences = _prevalences(arguments.prevalence, package)
    wish = engine_wish(arguments, settings)
    choice = open_predictor(package, engine=wish.engine, device=wish.device, threads=wish.threads)
    finder = open_lungs(threads=wish.threads) if needs_lungs(package.manifest.input) else None
    try:
        lungs = None if finder is None else finder.find(pixels)
        model_input = prepare_with_lungs(pixels, package.manifest.input, lungs)
        (forward,) = choice.predictor.run(model_input.tensor)
        facts = (*pixels.facts, *model_input.facts)
        analysis = analysis_of(forward, model_input, package, choice.predictor, with_heatmaps=False, lungs=lungs, facts=facts)
        analysis = with_flags_of_file(polarity_checked(analysis, pixels, package, choice.predictor), pixels)
        shown = _explained(arguments, analysis, model_input, package, choice.predictor)
        spread = _spread(forward, model_input, package, choice.predictor) if arguments.spread else None
    finally:
        choice.predictor.close()
        if finder is not None:
            finder.close()
    _draw(arguments, pixels, analysis, shown)
    if not arguments.quiet:
        _report(arguments, analysis, shown[0], package, prevalences, spread)
    return ExitCode.OK


def image_ref(text: str, *, frame: int = 1) -> ImageRef:
    """Read the name of an image as the tables write it.

    Raises:
        NothingToDo: there is no such file.
        UsageError: it is a folder.
    """
    from cxrview.core.image import ImageRef

    path, member = Path(text), ""
    if not path.exists() and "!" in text:
        archive, _, member = text.partition("!")
        path = Path(archive)
    if not path.exists():
        raise NothingToDo(f"there is no file '{text}'.")
    if path.is_dir():
        raise UsageError(f"'{text}' is a folder; one image is explained at a time.", hint="For a folder: `cxrview score --heatmaps DIR`.")
    return ImageRef(path, member, frame - 1)


def _check(arguments: argparse.Namespace) -> None:
    from cxrview.core.colour import TABLES

    if arguments.output.suffix.lower() != ".png":
        raise UsageError(f"'{arguments.output.name}' must end in .png.")
    if arguments.colours and arguments.colours not in TABLES:
        raise UsageError(f"there is no colour table '{arguments.colours}'.", hint=f"Choose one of {', '.join(TABLES)}.")


def _explained(
    arguments: argparse.Namespace, analysis: Analysis, model_input: ModelInput, package: Package, predictor: Predictor
) -> tuple[Heatmap, ...]:
    """Make the map of the wanted label, first, and of the others where they cost nothing."""
    from cxrview.core.results import HeatmapTarget
    from cxrview.core.scores import leading_finding
    from cxrview.engine.explain import explain

    label = arguments.label or leading_finding(analysis.findings).label.id
    is_together = not arguments.network and arguments.method in TOGETHER and any(each.id == label for each in package.manifest.labels)
    maps = explain(
        model_input,
        package,
        predictor,
        labels=() if is_together else (label,),
        method=arguments.method,
        target=HeatmapTarget(arguments.target),
        network=arguments.network,
    )
    return tuple(sorted(maps, key=lambda each: each.label.id != label))


def _draw(arguments: argparse.Namespace, pixels: Pixels, analysis: Analysis, maps: tuple[Heatmap, ...]) -> None:
    from cxrview.batch.overlays import OverlayStyle, draw_overlay, write_overlay
    from cxrview.core.heatmap import common_scale

    style = OverlayStyle(table=arguments.colours, is_signed=arguments.signed, opacity=arguments.opacity)
    write_overlay(arguments.output, draw_overlay(pixels, analysis, maps[0], style, scale=common_scale(maps)))


def _prevalences(texts: list[str], package: Package) -> dict[str, float]:
    found: dict[str, float] = {}
    shares = {label.id: rule.prevalence for label, rule in zip(package.manifest.labels, package.manifest.calibration, strict=True)}
    for text in texts:
        label, _, number = text.partition("=")
        if label not in shares:
            raise UsageError(f"the model has no label '{label}'.", hint=f"It has {', '.join(shares)}.")
        try:
            found[label] = float(number)
        except ValueError:
            found[label] = 0.0
        if not 0.0 < found[label] < 1.0:
            raise UsageError(f"'{text}' names no share of patients.", hint=f"Write a number above 0 and below 1: {label}=0.05.")
        if not shares[label]:
            raise UsageError(
                f"the model does not say at which prevalence its probability of {label} holds.", hint="Leave --prevalence out for it."
            )
    return found


def _spread(forward: Forward, model_input: ModelInput, package: Package, predictor: Predictor) -> Spread:
    from cxrview.engine.spread import ensemble_spread, placement_spread

    return ensemble_spread(forward, package) or placement_spread(model_input, package, predictor)


def _report(
    arguments: argparse.Namespace,
    analysis: Analysis,
    heatmap: Heatmap,
    package: Package,
    prevalences: dict[str, float],
    spread: Spread | None,
) -> None:
    columns, extra = _beside(analysis, package, prevalences, spread)
    rows = [(*_cells(each)[:-1], *more, _cells(each)[-1]) for each, more in zip(analysis.findings, extra, strict=True)]
    for line in table_lines(("label", "probability", "logit", "threshold", *columns, ""), rows):
        answer(line)
    if spread is not None:
        tell(f"spread: lowest to highest of {spread.count} answers over {spread.over}")
    for label, share in prevalences.items():
        tell(f"at {share:g}: the probability of {label} where that share of the patients have it; the threshold stays the model's")
    flat = "; the map is flat, there is nothing to show" if heatmap.is_flat else ""
    tell(
        f"{arguments.output}: {heatmap.label.id}, {heatmap.method}, target {heatmap.target}, "
        f"{analysis.model_id} {analysis.model_version}, {analysis.engine} on {analysis.device}{flat}"
    )
    if analysis.flags:
        tell(f"flags: {', '.join(analysis.flags)}")
    for fact in analysis.facts:
        tell(f"  {fact.text}")


def _beside(
    analysis: Analysis, package: Package, prevalences: dict[str, float], spread: Spread | None
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Give the columns that were asked for, or that the package can fill, and their cells for each finding."""
    from cxrview.core.conformal import answer as conformal_answer
    from cxrview.core.prior import probabilities_at

    columns: list[str] = []
    cells: list[list[str]] = [[] for _ in analysis.findings]
    if prevalences:
        columns.append("at " + ", ".join(f"{share:g}" for share in dict.fromkeys(prevalences.values())))
        shifted = probabilities_at(analysis.findings, package.manifest, prevalences)
        for row, each in zip(cells, analysis.findings, strict=True):
            row.append(f"{shifted[each.label.id]:.3f}" if each.label.id in shifted else "-")
    if package.manifest.conformal:
        columns.append("answer")
        for row, each, rule in zip(cells, analysis.findings, package.manifest.conformal, strict=True):
            row.append("-" if rule is None else str(conformal_answer(rule, each.probability)))
    if spread is not None:
        columns.append("spread")
        for row, low, high in zip(cells, spread.low, spread.high, strict=True):
            row.append(f"{low:.3f}-{high:.3f}")
    return tuple(columns), [tuple(row) for row in cells]


def _cells(finding: Finding) -> tuple[str, ...]:
    return (
        finding.label.id,
        f"{finding.probability:.3f}",
        f"{finding.logit:+.3f}",
        f"{finding.threshold:.3f}",
        " ".join(
            each for each in ("positive" if finding.is_positive else "", f"from {finding.network}" if finding.network else "") if each
        ),
    )


COMMAND = Command("explain", "draw where a model sees the evidence for a label in one image", _add_arguments, _run, DETAILS)
