"""Lay a report out as one HTML page that needs nothing else: style and plots are inside, nothing is fetched."""

from __future__ import annotations

import re
from html import escape

from cxrview.evaluation.gallery import gallery
from cxrview.evaluation.plots import SERIES, calibration_plot, distribution_plot, forest_plot, precision_plot, roc_plot
from cxrview.evaluation.report import NOTICE, EvaluationReport, method_of, tables_of
from cxrview.evaluation.shortcut_audit import Level
from cxrview.evaluation.table import Table, signed
from cxrview.evaluation.verdict import Verdict, verdict_of
from cxrview.evaluation.within_source import ContrastResult

# Blue, vermilion and green of Okabe and Ito, which the colour-blind tell apart; dashes say the same without colour.
LEVELS = tuple(str(level) for level in Level)
STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --panel: #f5f7f9; --ink: #1b2329; --soft: #55626c; --rule: #d5dce2;
  --c0: #0072b2; --c1: #c24e00; --c2: #007d5a; --warn: #8a4b00; --warn-paper: #fff4e0; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181c; --panel: #1c2227; --ink: #e8edf1; --soft: #a3b0ba; --rule: #39434b;
  --c0: #56b4e9; --c1: #f0913a; --c2: #2fc79a; --warn: #ffcf8a; --warn-paper: #33270f; } }
@media print { :root { --paper: #ffffff; --panel: #ffffff; --ink: #000000; --soft: #444444; } figure, tr { break-inside: avoid; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .2rem; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .3rem; padding-top: .6rem; border-top: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 0 0 .2rem; }
p { margin: .3rem 0 .8rem; max-width: 62rem; }
.meta, .note, figcaption { color: var(--soft); }
.meta, figcaption { font-size: .87rem; overflow-wrap: anywhere; }
.notice { color: var(--warn); background: var(--warn-paper); border-left: 4px solid currentColor; padding: .5rem .9rem; font-weight: 600; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .87rem; font-variant-numeric: tabular-nums; }
th { text-align: left; vertical-align: bottom; color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--rule); }
td { border-bottom: 1px solid var(--rule); vertical-align: top; }
th, td { padding: .32rem .9rem .32rem 0; }
.ends { white-space: nowrap; color: var(--soft); }
.legend { display: flex; gap: 1.6rem; flex-wrap: wrap; list-style: none; padding: 0; margin: .4rem 0 .2rem; font-size: .9rem; }
.legend svg { vertical-align: middle; margin-right: .4rem; }
.contrast { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: 1rem 1.2rem; margin: 1rem 0;
  break-inside: avoid; }
.plots { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; margin-top: .6rem; } .plots figure { width: 268px; }
figure { margin: 0; width: 320px; max-width: 100%; }
svg { max-width: 100%; height: auto; overflow: visible; }
svg text { font-size: 11px; fill: var(--soft); }
svg text.title { fill: var(--ink); font-size: 11.5px; }
svg text.strong { fill: var(--ink); font-weight: 600; font-size: 12.5px; }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--soft); stroke-width: 1; }
.chance { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 3 4; }
.cut { stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 6 3; }
.curve, .whisker { fill: none; stroke-width: 2; }
.whisker { stroke-linecap: round; }
.s0 { stroke: var(--c0); } .curve.s0 { stroke-width: 2.8; }
.s1 { stroke: var(--c1); stroke-dasharray: 7 4; } .s2 { stroke: var(--c2); stroke-dasharray: 2 4; }
.dot { stroke: var(--paper); stroke-width: 1; stroke-dasharray: none; }
.dot.s0 { fill: var(--c0); } .dot.s1 { fill: var(--c1); } .dot.s2 { fill: var(--c2); }
.band { fill: var(--c0); opacity: .15; }
.verdict { background: var(--panel); border: 1px solid var(--rule); border-radius: 8px; padding: .6rem 1.2rem; margin: 1rem 0; }
.verdict h2 { border: 0; margin: 0; padding: 0; } .verdict h3 { margin-top: .8rem; }
.verdict .headline { font-size: 1.1rem; font-weight: 600; }
.verdict li { margin: .15rem 0; max-width: 62rem; }
.verdict .can h3 { color: var(--c2); } .verdict .cannot h3 { color: var(--c1); }
td.failed { color: var(--c1); font-weight: 600; } td.passed { color: var(--c2); } td.doubtful { color: var(--warn); }
.gallery { display: flex; flex-wrap: wrap; gap: 1rem 1.4rem; } .gallery figure { width: auto; }
.gallery img { image-rendering: auto; width: 132px; height: 132px; border: 1px solid var(--rule); display: block; }
.bar.up { fill: var(--c1); } .bar.down { fill: var(--c0); }
"""


def to_html(report: EvaluationReport) -> str:
    """Write the page."""
    title = f"{report.model_title} {report.model_version}: evaluation"
    heading = f'<h1>{escape(report.model_title)}</h1><p class="meta">{escape(report.model_id)} {escape(report.model_version)}</p>'
    body = [heading, f'<p class="notice" role="note">{escape(NOTICE)}</p>', _verdict(verdict_of(report)), _overview(report)]
    tables = tables_of(report)
    body += [*map(_table, tables[:1]), _plots(report), *map(_table, tables[1:]), gallery(report), _method(report)]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _verdict(verdict: Verdict) -> str:
    parts = "".join(
        f'<div class="{kind}"><h3>{escape(title)}</h3><ul>{"".join(f"<li>{escape(each)}</li>" for each in sentences)}</ul></div>'
        for kind, (title, sentences) in zip(_kinds(verdict), verdict.parts, strict=True)
    )
    return f'<section class="verdict"><h2>Verdict</h2><p class="headline">{escape(verdict.headline)}</p>{parts}</section>'


def _kinds(verdict: Verdict) -> list[str]:
    return [kind for kind, has in (("can", verdict.can), ("cannot", verdict.cannot), ("careful", verdict.careful)) if has]


def _overview(report: EvaluationReport) -> str:
    if not report.contrasts:
        return "<p>No source here has enough positives and negatives of one label to tell them apart within it.</p>"
    return f'<h2>What the network earns above the shortcuts</h2>{_legend(report)}<div class="scroll">{forest_plot(report)}</div>'


def _legend(report: EvaluationReport) -> str:
    names = ["network", *dict.fromkeys(baseline.name for result in report.contrasts for baseline in result.baselines)]
    items = [
        '<li><svg viewBox="0 0 34 10" width="34" height="10" aria-hidden="true">'
        f'<line class="whisker {series}" x1="1" y1="5" x2="33" y2="5"/>'
        f'<circle class="dot {series}" cx="17" cy="5" r="4.5"/></svg>{escape(name)}</li>'
        for name, series in zip(names, SERIES, strict=False)
    ]
    return f'<ul class="legend">{"".join(items)}</ul>'


def _plots(report: EvaluationReport) -> str:
    if not report.contrasts:
        return ""
    return "\n".join(["<h2>Contrast by contrast</h2>", *(_contrast(result) for result in report.contrasts)])


def _contrast(result: ContrastResult) -> str:
    contrast = result.contrast
    lines = [f"Network AUROC {result.auroc}."]
    lines += [
        f"{baseline.name.capitalize()} {baseline.auroc}, fitted on {baseline.fitted_on}; gain {signed(baseline.gain)}."
        for baseline in result.baselines
    ]
    figures = (
        (roc_plot(result), "ROC; shaded: 95 % by patient"),
        (precision_plot(result), f"Precision over recall; average {result.average_precision.value:.3f}; dashed: guessing"),
        (
            calibration_plot(result),
            f"Calibration: expected error {result.calibration_error:.3f}, Brier {result.brier.value:.3f}; bars: Wilson, by image",
        ),
        (distribution_plot(result), f"Scores; dashed: threshold {result.threshold.probability:.3f} ({result.threshold.operating_point})"),
    )
    drawn = "".join(f"<figure>{plot}<figcaption>{escape(caption)}</figcaption></figure>" for plot, caption in figures)
    return (
        f'<section class="contrast"><h3>{escape(str(contrast))}</h3><p class="meta">{escape(" ".join(lines))}</p>'
        f'<div class="plots">{drawn}</div></section>'
    )


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in table.columns)
    rows = "".join("<tr>" + "".join(_cell(cell) for cell in row) + "</tr>" for row in table.rows)
    return (
        f'<h2>{escape(table.title)}</h2><p class="note">{escape(table.note)}</p>'
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _cell(text: str) -> str:
    if text in LEVELS:
        return f'<td class="{text}">{text}</td>'
    ends = re.fullmatch(r"([-+]?[\d.]+) (\(.*\))", text)
    return f'<td>{escape(ends[1])} <span class="ends">{escape(ends[2])}</span></td>' if ends else f"<td>{escape(text)}</td>"


def _method(report: EvaluationReport) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in method_of(report))
    return f"<h2>How it was measured</h2><ul>{items}</ul>"
