"""What came out of a batch as one HTML page that needs nothing else: counts, distributions, pictures, comparison, notice."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import cxrview
from cxrview.batch.compare import Comparison, LabelComparison, others_text
from cxrview.batch.flag_texts import flag_text
from cxrview.batch.gathered import BINS, FILES_OF_A_REASON, Gathered, Picked, gathered, reasons_of, short_path
from cxrview.batch.outcome import Outcome
from cxrview.batch.pictures import PLAIN, pictures_by_label
from cxrview.batch.plan import Pictures
from cxrview.batch.row import ScoreRow
from cxrview.batch.supervisor import Supervisor
from cxrview.batch.tiles import strongest
from cxrview.core.flags import FLAG_MEANINGS
from cxrview.core.manifest import UNREMARKABLE, Label, Manifest
from cxrview.engine.packages import read_card
from cxrview.evaluation.page import STYLE
from cxrview.evaluation.report import NOTICE
from cxrview.io.atomic import write_text

REASONS_SHOWN = 40
MEANINGS = {str(flag): meaning for flag, meaning in FLAG_MEANINGS.items()}
COUNTED = ("True +", "False +", "True −", "False −")
CARD_SECTIONS = ("In short", "What it is", "Limits", "What it cannot do", "Known limits")

OWN_STYLE = """
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: .9rem; margin: .8rem 0 1.4rem; }
.tile { margin: 0; width: auto; background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; overflow: hidden; }
.tile img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: #000; }
.tile figcaption { padding: .45rem .6rem .6rem; }
.tile b { color: var(--ink); font-weight: 600; }
.tile .name { display: block; overflow-wrap: anywhere; }
.numbers { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 1rem 0; padding: 0; list-style: none; }
.numbers b { display: block; font-size: 1.5rem; color: var(--ink); font-variant-numeric: tabular-nums; }
.numbers li { color: var(--soft); font-size: .87rem; }
.labels { display: flex; flex-wrap: wrap; gap: 1rem 2rem; }
.labels figure { width: 300px; }
.bar.neg { fill: var(--soft); opacity: .55; } .bar.pos { fill: var(--c1); }
.card { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: .4rem 1.2rem .8rem; }
.card pre { white-space: pre-wrap; font: inherit; margin: .4rem 0; }
"""

_Drawn = Mapping[tuple[int, int], Mapping[str, bytes]]


def write_report(target: Path, outcome: Outcome, comparison: Comparison | None = None, *, command: Sequence[str] = ()) -> None:
    """Write the page; the few pictures on it are read and scored once more.

    Args:
        target: the HTML file.
        outcome: of the batch.
        comparison: with labels, where there are some.
        command: the words that start the process that scores the pictures; empty for this program.
    """
    manifest = outcome.package.manifest
    found = gathered(outcome)
    pictures = _pictures(outcome, _chosen(found), command)
    scored_from = ", ".join(short_path(given) for given in outcome.plan.inputs)
    body = [
        f'<h1>{escape(manifest.title)}: scores</h1><p class="meta">{escape(manifest.id)} {escape(manifest.version)} · '
        f"{outcome.ready.engine} on {escape(outcome.ready.device)} · model SHA-256 {outcome.package.sha256[:16]}… · "
        f"cxrview {cxrview.__version__} · {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        f"{f'<br>Scored: {escape(scored_from)}' if scored_from else ''}</p>",
        f'<p class="notice" role="note">{escape(NOTICE)}</p>',
        _numbers(found, outcome),
        _distributions(found, manifest),
        *([_comparison(comparison, manifest)] if comparison is not None else []),
        *(_top_cases(label, found, pictures) for label in manifest.labels if label.is_finding),
        _flagged(found, manifest, pictures),
        _refused(found, pictures),
        _unread(found),
        _card(manifest, read_card(outcome.package)),
    ]
    title = f"{manifest.title}: {found.statuses['ok']} images"
    write_text(
        target,
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}{OWN_STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n",
        errors="backslashreplace",
    )


def _chosen(found: Gathered) -> list[Picked]:
    best = [picked for label, heap in found.best.items() if label.lower() not in UNREMARKABLE for _, _, picked in heap]
    return [*best, *found.flagged.chosen(), *found.refused.chosen()]


def _pictures(outcome: Outcome, chosen: Sequence[Picked], command: Sequence[str]) -> _Drawn:
    """Give the small pictures of each chosen row by label, by number of the file and place in it."""
    wanted = {(picked.place.number, picked.place.place) for picked in chosen}
    if not wanted:
        return {}
    plan = replace(outcome.plan, heatmaps="", pictures=Pictures.EACH_LABEL)
    tasks = [outcome.task_of(number) for number in sorted({number for number, _ in wanted})]
    made: dict[tuple[int, int], Mapping[str, bytes]] = {}
    with Supervisor(plan, outcome.model, outcome.labels, command=command) as supervisor:
        for result in supervisor.score(tasks):
            for place, row in enumerate(result.rows if result is not None else ()):
                if result is not None and (result.task.number, place) in wanted:
                    made[result.task.number, place] = pictures_by_label(row.thumbnail)
    return made


def _numbers(found: Gathered, outcome: Outcome) -> str:
    counts = outcome.counts
    entries = [
        ("images scored", found.statuses["ok"]),
        ("of them with scores withheld", found.refused.count),
        ("of them flagged otherwise", found.flagged.count),
        ("could not be scored", found.statuses["error"]),
        ("other files left alone", counts.others),
    ]
    items = "".join(f"<li><b>{value:,}</b>{escape(name)}</li>" for name, value in entries)
    return f'<ul class="numbers">{items}</ul>'


def _distributions(found: Gathered, manifest: Manifest) -> str:
    figures = "".join(
        f"<figure>{_histogram(found.histograms[label.id], threshold.probability, label.name)}"
        f"<figcaption><b>{escape(label.name)}</b>: {found.positives[label.id]:,} at or above the threshold {threshold.probability:.3f}, "
        f"top label of {found.tops[label.id]:,}</figcaption></figure>"
        for label, threshold in zip(manifest.labels, manifest.thresholds, strict=True)
    )
    left_out = f", without the {found.refused.count:,} whose scores are withheld" if found.refused.count else ""
    drawn = "Calibrated probabilities; the height is the share of images. Bars from the threshold on are coloured."
    note = f"{found.believed:,} images{left_out}. {drawn}"
    return f'<h2>Distribution of each label</h2><p class="note">{note}</p><div class="labels">{figures}</div>'


def _histogram(counts: Sequence[int], threshold: float, name: str) -> str:
    width, height, base = 300, 120, 96
    highest = max([*counts, 1])
    step = width / BINS
    bars = "".join(
        f'<rect class="bar {"pos" if (k + 0.5) / BINS >= threshold else "neg"}" x="{k * step + 1:.1f}" '
        f'y="{base - count / highest * 88:.1f}" width="{step - 2:.1f}" height="{count / highest * 88:.1f}"><title>{count:,}</title></rect>'
        for k, count in enumerate(counts)
    )
    ticks = "".join(
        f'<text x="{t * width:.0f}" y="112" text-anchor="{"start" if t == 0 else "end" if t == 1 else "middle"}">{t:g}</text>'
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    cut = f'<line class="cut" x1="{threshold * width:.1f}" y1="4" x2="{threshold * width:.1f}" y2="{base}"/>'
    axis = f'<line class="axis" x1="0" y1="{base}" x2="{width}" y2="{base}"/>'
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="Probabilities of {escape(name)}">{bars}{axis}{cut}{ticks}</svg>'
    )


def _comparison(comparison: Comparison, manifest: Manifest) -> str:
    names = {label.id: label.name for label in manifest.labels}
    people = "patients" if comparison.has_patients else "images, since the table tells no patients"
    note = (
        f"{comparison.matched:,} scored images have a label, {comparison.unmatched:,} have none. Intervals are 95 %, drawn by {people}. "
        "These numbers pool all images together: where they come from several hospitals, they measure the hospitals as well."
    )
    if not comparison.labels:
        return f'<h2>Beside the labels</h2><p class="note">{note}</p><p>No label has both images with it and without it.</p>'
    head = (
        "Label",
        "AUROC",
        "Threshold",
        "Sensitivity",
        "Specificity",
        "True +",
        "False +",
        "True −",
        "False −",
        "Calibration error",
        "Kappa",
    )
    rows = "".join(_comparison_row(each, names[each.label]) for each in comparison.labels)
    top = (
        f"<p>The likeliest label agrees with the only true one with a kappa of {comparison.top_kappa:.3f} "
        f"({comparison.top_cases:,} images).</p>"
        if comparison.top_cases
        else ""
    )
    left = ", ".join(names[label] for label in comparison.unmeasured)
    top += f"<p>Not measured, since the labelled images are all alike in it: {escape(left)}.</p>" if left else ""
    if comparison.others:
        top += f"<p>{escape(others_text(comparison).capitalize())}.</p>"
    calibration = "".join(
        f"<figure>{_calibration(each, names[each.label])}<figcaption>{escape(names[each.label])}</figcaption></figure>"
        for each in comparison.labels
    )
    return (
        f'<h2>Beside the labels</h2><p class="note">{escape(note)}</p><div class="scroll"><table><thead><tr>'
        + "".join(f'<th scope="col">{name}</th>' for name in head)
        + f"</tr></thead><tbody>{rows}</tbody></table></div>{top}<h3>Calibration</h3>"
        '<p class="note">What was promised (across) and what came (upwards), in tenths; bars: Wilson, by image.</p>'
        f'<div class="labels">{calibration}</div>'
    )


def _comparison_row(each: LabelComparison, name: str) -> str:
    table = each.confusion
    cells = (
        escape(name),
        *map(_interval, (str(each.auroc),)),
        f"{each.threshold:.3f}",
        *map(_interval, (str(each.sensitivity), str(each.specificity))),
        *(f"{count:,}" for count in (table.true_positives, table.false_positives, table.true_negatives, table.false_negatives)),
        f"{each.calibration_error:.3f}",
        f"{each.kappa:.3f}",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _interval(text: str) -> str:
    value, _, ends = text.partition(" ")
    return f'{escape(value)} <span class="ends">{escape(ends)}</span>' if ends else escape(text)


def _calibration(each: LabelComparison, name: str) -> str:
    side, inset = 200, 24

    def at(value: float) -> float:
        return inset + value * (side - 2 * inset)

    parts = [f'<line class="chance" x1="{at(0)}" y1="{side - at(0)}" x2="{at(1)}" y2="{side - at(1)}"/>']
    parts += [
        f'<line class="axis" x1="{at(0)}" y1="{side - at(0)}" x2="{at(1)}" y2="{side - at(0)}"/>',
        f'<line class="axis" x1="{at(0)}" y1="{side - at(0)}" x2="{at(0)}" y2="{side - at(1)}"/>',
    ]
    parts += [f'<text x="{at(value)}" y="{side - 8}" text-anchor="middle">{value:g}</text>' for value in (0.0, 0.5, 1.0)]
    parts += [f'<text x="{inset - 6}" y="{side - at(value) + 4}" text-anchor="end">{value:g}</text>' for value in (0.5, 1.0)]
    for group in each.bins:
        x, y = at(group.mean_probability), side - at(group.fraction.value)
        title = f"{group.fraction.n} images, promised {group.mean_probability:.3f}, came {group.fraction}"
        parts.append(
            f'<g><title>{title}</title><line class="whisker s0" x1="{x:.1f}" y1="{side - at(group.fraction.low):.1f}" x2="{x:.1f}" '
            f'y2="{side - at(group.fraction.high):.1f}"/><circle class="dot s0" cx="{x:.1f}" cy="{y:.1f}" r="4"/></g>'
        )
    return (
        f'<svg viewBox="0 0 {side} {side}" width="{side}" height="{side}" role="img" '
        f'aria-label="Calibration of {escape(name)}">{"".join(parts)}</svg>'
    )


def _top_cases(label: Label, found: Gathered, pictures: _Drawn) -> str:
    ordered = sorted(found.best[label.id], key=lambda entry: entry[:2], reverse=True)
    if not ordered:
        return ""
    tiles = "".join(
        _tile(picked, pictures, label.id, f"{probability:.3f}", _beside(label, picked.row)) for probability, _, picked in ordered
    )
    note = f"The heatmaps are those of {label.name}: what in the image speaks for it. In one image all labels share one scale of colours."
    return f'<h2>Highest for {escape(label.name)}</h2><p class="note">{escape(note)}</p><div class="tiles">{tiles}</div>'


def _beside(label: Label, row: ScoreRow) -> str:
    """Name the label, say when it stays under its threshold, and what makes its score doubtful."""
    is_positive = next(score.is_positive for score in row.scores if score.label == label.id)
    return " · ".join(text for text in (label.name, "" if is_positive else "under its threshold", _why(row)) if text)


def _flagged(found: Gathered, manifest: Manifest, pictures: _Drawn) -> str:
    if not found.flags:
        return ""
    counted = "".join(
        f'<tr><td>{count:,}</td><td>{escape(flag_text(flag))}</td><td class="meta">{escape(MEANINGS.get(flag, ""))}</td></tr>'
        for flag, count in found.flags.most_common()
    )
    head = "<thead><tr><th>Images</th><th>Flag</th><th>Meaning</th></tr></thead>"
    table = f'<div class="scroll"><table>{head}<tbody>{counted}</tbody></table></div>' if counted else ""
    names = {label.id: label.name for label in manifest.labels}
    shown = found.flagged.chosen()
    tiles = "".join(_flagged_tile(picked, pictures, names) for picked in shown)
    note = (
        "Scores of these deserve a second look before anybody believes them. The heatmap is that of the strongest finding, which is named; "
        f"none where nothing reaches its threshold. {_share(len(shown), found.flagged.count)}"
    )
    section = f'<p class="note">{note}</p><div class="tiles">{tiles}</div>' if shown else ""
    return f"<h2>Flagged</h2>{table}{section}"


def _flagged_tile(picked: Picked, pictures: _Drawn, names: Mapping[str, str]) -> str:
    row = picked.row
    found = strongest(row)
    shown = found or next(score for score in row.scores if score.label == row.top_label)
    return _tile(picked, pictures, PLAIN if found is None else found.label, _why(row), f"· {names[shown.label]} {shown.probability:.2f}")


def _refused(found: Gathered, pictures: _Drawn) -> str:
    """Show the images whose scores the window would not show either."""
    shown = found.refused.chosen()
    if not shown:
        return ""
    tiles = "".join(_tile(picked, pictures, PLAIN, ", ".join(reasons_of(picked.row)), "") for picked in shown)
    note = (
        "The model was not made for these, so their scores count in nothing above; the table has them all the same. "
        f"{_share(len(shown), found.refused.count)}"
    )
    return f'<h2>Scores withheld</h2><p class="note">{note}</p><div class="tiles">{tiles}</div>'


def _share(shown: int, count: int) -> str:
    return "All are shown." if shown == count else f"{shown:,} of {count:,} are shown, some of each kind."


def _why(row: ScoreRow) -> str:
    return ", ".join(flag_text(flag) for flag in row.flags)


def _tile(picked: Picked, pictures: _Drawn, label: str, strong: str, beside: str) -> str:
    """Show an image with the heatmap of a label, or without one where the model draws none."""
    row = picked.row
    drawn = pictures.get((picked.place.number, picked.place.place), {})
    picture = drawn.get(label) or drawn.get(PLAIN, b"")
    source = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    image = f'<img alt="" src="{source}">' if picture else ""
    frame = f" #{row.frame}" if row.frame > 1 else ""
    return (
        f'<figure class="tile">{image}<figcaption><b>{escape(strong)}</b> {escape(beside)}'
        f'<span class="name">{escape(short_path(row.path))}{frame}</span></figcaption></figure>'
    )


def _unread(found: Gathered) -> str:
    if not found.reasons:
        return ""
    rows = "".join(
        f'<tr><td>{count:,}</td><td>{escape(reason)}</td><td class="meta">{escape(", ".join(found.files_of[reason]))}'
        f"{' …' if count > FILES_OF_A_REASON else ''}</td></tr>"
        for reason, count in found.reasons.most_common(REASONS_SHOWN)
    )
    head = "<thead><tr><th>Files</th><th>Reason</th><th>Such as</th></tr></thead>"
    return f'<h2>Not scored, by reason</h2><div class="scroll"><table>{head}<tbody>{rows}</tbody></table></div>'


def _card(manifest: Manifest, card: str) -> str:
    parts = re.split(r"^## +(.+)$", card, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=False))
    named = [(name, _plain(sections[name])) for name in CARD_SECTIONS if name in sections]
    shown = "".join(f"<h3>{escape(name)}</h3><pre>{escape(text)}</pre>" for name, text in named)
    licence = f'<p class="meta">Licence: {escape(manifest.licence)}</p>'
    return f'<h2>The model</h2><div class="card"><p>{escape(manifest.intended_use)}</p>{shown}{licence}</div>'


def _plain(markdown: str) -> str:
    """Take away the marks of Markdown that plain text does not need."""
    return re.sub(r"[`*]", "", re.sub(r"^- ", "• ", markdown, flags=re.MULTILINE)).strip()
