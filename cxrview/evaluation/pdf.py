"""Lay a report out as a PDF for archives and print: verdict, tables, the plots of the page, the templates."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from cxrview.evaluation.gallery import NOTE, pictures_of, png
from cxrview.evaluation.plots import calibration_plot, distribution_plot, forest_plot, precision_plot, roc_plot
from cxrview.evaluation.report import NOTICE, EvaluationReport, method_of, tables_of
from cxrview.evaluation.table import Table
from cxrview.evaluation.verdict import verdict_of

MARGIN_PT = 36
PLOT_PT = 180
THUMB_PT = 74
TABLE_START_PT = 110  # a heading is not left alone at the foot of a page
# Class of the page's style to stroke, fill, width and dashes; the light colours of the page, since paper is white.
INK, SOFT, RULE = "#1b2329", "#55626c", "#d5dce2"
COLOURS = ("#0072b2", "#c24e00", "#007d5a")
LINES = tuple(zip(COLOURS, ("blue, solid", "orange, dashed", "green, dotted"), strict=True))
PLOTS = (
    "ROC; the straight line is guessing",
    "Precision over recall; the level line is guessing",
    "Calibration: on the straight line a probability is what it promises; bars: Wilson, by image",
    "Scores of both classes; the upright line is the threshold",
)
DASHES = {"s1": (7, 4), "s2": (2, 4), "chance": (3, 4), "cut": (6, 3)}
# The fonts that every PDF reader has know Latin-1 only.
LATIN = {
    "−": "-",
    "–": "-",
    "×": "x",
    "↑": "(up)",
    "↓": "(down)",
    "≥": ">=",
    "≤": "<=",
    "→": "->",
    "…": "...",
    "“": '"',
    "”": '"',
    "’": "'",
}

Flow = list[Any]  # Any: reportlab is untyped


def to_pdf(report: EvaluationReport) -> bytes:
    """Write the pages, A4 across; the same report gives the same bytes."""
    from reportlab.lib.pagesizes import A4, landscape
    from reportlab.platypus import PageBreak, SimpleDocTemplate

    buffer = io.BytesIO()
    size = landscape(A4)
    document = SimpleDocTemplate(
        buffer,
        pagesize=size,
        leftMargin=MARGIN_PT,
        rightMargin=MARGIN_PT,
        topMargin=MARGIN_PT,
        bottomMargin=MARGIN_PT,
        title=_latin(f"{report.model_title} {report.model_version}: evaluation"),
        author="cxrview",
        invariant=1,
    )
    width = size[0] - 2 * MARGIN_PT
    parts: Flow = [*_heading(report), *_verdict(report)]
    if report.contrasts:
        parts += [
            PageBreak(),
            _text("What the network earns above the shortcuts", "Heading2"),
            _legend(report),
            _drawing(forest_plot(report), width),
        ]
    tables = tables_of(report)
    for table in tables[:1]:
        parts += _table(table, width)
    parts += _plots(report)
    for table in tables[1:]:
        parts += _table(table, width)
    parts += _templates(report)
    parts += [_text("How it was measured", "Heading2"), *(_text(line, bullet="•") for line in method_of(report))]

    def foot(canvas: Any, page: Any) -> None:  # Any: reportlab is untyped
        canvas.setFont("Helvetica", 7)
        canvas.drawString(MARGIN_PT, MARGIN_PT / 2, _latin(f"{report.model_id} {report.model_version}. {NOTICE}"))
        canvas.drawRightString(size[0] - MARGIN_PT, MARGIN_PT / 2, str(page.page))

    document.build(parts, onFirstPage=foot, onLaterPages=foot)
    return buffer.getvalue()


def _legend(report: EvaluationReport) -> Any:
    """Name the lines of the plots by their colours and strokes, for those who print in gray."""
    names = ["network", *dict.fromkeys(baseline.name for result in report.contrasts for baseline in result.baselines)]
    items = [
        f'<font color="{colour}"><b>{stroke}</b></font>: {escape(_latin(name))}'
        for name, (colour, stroke) in zip(names, LINES, strict=False)
    ]
    return _text(f"{'; '.join(items)}. Bars and bands: 95 % intervals by patient.", "Small", is_marked_up=True)


def _heading(report: EvaluationReport) -> Flow:
    return [
        _text(report.model_title, "Title"),
        _text(f"{report.model_id} {report.model_version}"),
        _text(f"<b>{escape(NOTICE)}</b>", is_marked_up=True),
    ]


def _verdict(report: EvaluationReport) -> Flow:
    verdict = verdict_of(report)
    parts: Flow = [_text("Verdict", "Heading2"), _text(f"<b>{escape(verdict.headline)}</b>", is_marked_up=True)]
    for title, sentences in verdict.parts:
        parts += [_text(title, "Heading3"), *(_text(sentence, bullet="•") for sentence in sentences)]
    return parts


def _plots(report: EvaluationReport) -> Flow:
    from reportlab.platypus import KeepTogether
    from reportlab.platypus import Table as Grid

    parts: Flow = []
    captions = [_text(words, "Small") for words in PLOTS]
    for result in report.contrasts:
        drawn = [_drawing(plot(result), PLOT_PT) for plot in (roc_plot, precision_plot, calibration_plot, distribution_plot)]
        parts.append(
            KeepTogether([_text(str(result.contrast), "Heading3"), Grid([drawn, captions], colWidths=[PLOT_PT + 12] * len(drawn))])
        )
    return parts


def _templates(report: EvaluationReport) -> Flow:
    from reportlab.platypus import Image, KeepTogether
    from reportlab.platypus import Table as Grid

    if report.audits is None or not report.audits.templates:
        return []
    parts: Flow = [_text("Class templates", "Heading2"), _text(NOTE, "Small")]
    for template in report.audits.templates:
        shown = pictures_of(template)
        images = [Image(io.BytesIO(png(picture)), width=THUMB_PT, height=THUMB_PT) for picture, _ in shown]
        captions = [_text(caption, "Small") for _, caption in shown]
        grid = Grid([images, captions], colWidths=[THUMB_PT + 3] * len(shown), style=[("VALIGN", (0, 0), (-1, -1), "TOP")])
        parts.append(KeepTogether([_text(str(template), "Heading3"), grid]))
    return parts


def _table(table: Table, width: float) -> Flow:
    from reportlab.lib import colors
    from reportlab.platypus import CondPageBreak
    from reportlab.platypus import Table as Grid

    rows = [[_text(f"<b>{escape(_latin(cell))}</b>", "Small", is_marked_up=True) for cell in table.columns]]
    rows += [[_text(cell, "Small") for cell in row] for row in table.rows]
    lengths = [max(6, *(len(row[k]) for row in (table.columns, *table.rows))) ** 0.7 for k in range(len(table.columns))]
    style = [
        ("LINEBELOW", (0, 0), (-1, 0), 1, colors.HexColor(SOFT)),
        ("LINEBELOW", (0, 1), (-1, -1), 0.4, colors.HexColor(RULE)),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 2),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
    ]
    grid = Grid(rows, colWidths=[width * each / sum(lengths) for each in lengths], repeatRows=1, style=style)
    return [CondPageBreak(TABLE_START_PT), _text(table.title, "Heading2"), _text(table.note, "Small"), grid]


def _text(words: str, name: str = "BodyText", *, bullet: str | None = None, is_marked_up: bool = False) -> Any:
    from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
    from reportlab.platypus import Paragraph

    styles = getSampleStyleSheet()
    style = ParagraphStyle("Small", parent=styles["BodyText"], fontSize=7, leading=8.6) if name == "Small" else styles[name]
    if bullet:
        style = ParagraphStyle("Listed", parent=style, leftIndent=12, bulletIndent=2, spaceBefore=0)
    return Paragraph(words if is_marked_up else escape(_latin(words)), style, bulletText=bullet)


def _latin(words: str) -> str:
    plain = "".join(LATIN.get(letter, letter) for letter in words)
    return plain.encode("latin-1", errors="replace").decode("latin-1")


def _drawing(svg: str, width: float) -> Any:
    """Redraw one of our own plots, at `width` points; it knows the elements and classes that `plots` writes."""
    from reportlab.graphics.shapes import Drawing, Group

    root = ET.fromstring(svg)  # noqa: S314 - written by this program a moment ago
    wide, high = (float(root.attrib[name]) for name in ("width", "height"))
    scale = width / wide
    group = Group(*_shapes(root, high))
    group.scale(scale, scale)
    drawing = Drawing(width, high * scale)
    drawing.add(group)
    return drawing


def _shapes(root: ET.Element, high: float) -> Iterator[Any]:
    from reportlab.graphics.shapes import Circle, Line, Polygon, PolyLine, Rect

    for element in root.iter():
        classes = element.attrib.get("class", "").split()
        at = {name: float(value) for name, value in element.attrib.items() if re.fullmatch(r"-?[\d.]+", value)}
        stroke = _stroke(classes)
        if element.tag == "line":
            yield Line(at["x1"], high - at["y1"], at["x2"], high - at["y2"], **stroke)
        elif element.tag == "rect":
            colour = _colour(COLOURS[1 if "up" in classes else 0])
            yield Rect(at["x"], high - at["y"] - at["height"], at["width"], at["height"], fillColor=colour, strokeColor=None)
        elif element.tag == "circle":
            yield Circle(at["cx"], high - at["cy"], at["r"], fillColor=stroke["strokeColor"], strokeColor=None)
        elif element.tag == "polyline" and (points := _points(element, high)):
            yield PolyLine(points, **stroke)
        elif element.tag == "polygon":
            yield Polygon(_points(element, high), fillColor=_colour(COLOURS[0], alpha=0.15), strokeColor=None)
        elif element.tag == "text":
            yield _words(element, classes, at, high)


def _words(element: ET.Element, classes: Sequence[str], at: dict[str, float], high: float) -> Any:
    from reportlab.graphics.shapes import Group, String

    look = {
        "fontName": "Helvetica-Bold" if "strong" in classes else "Helvetica",
        "fontSize": 11,
        "fillColor": _colour(INK if {"strong", "title"} & set(classes) else SOFT),
        "textAnchor": element.attrib.get("text-anchor", "start"),
    }
    turned = re.match(r"translate\(([\d.]+) ([\d.]+)\) rotate\(-90\)", element.attrib.get("transform", ""))
    words = _latin("".join(element.itertext()))
    if turned is None:
        return String(at.get("x", 0.0), high - at.get("y", 0.0), words, **look)
    group = Group(String(0, 0, words, **look))
    group.translate(float(turned[1]), high - float(turned[2]))
    group.rotate(90)
    return group


def _stroke(classes: Sequence[str]) -> dict[str, Any]:
    series = next((int(name[1]) for name in classes if name in ("s0", "s1", "s2")), None)
    colour = COLOURS[series] if series is not None else INK if "cut" in classes else RULE if "grid" in classes else SOFT
    dashes = next((DASHES[name] for name in classes if name in DASHES), None) if "dot" not in classes else None
    return {"strokeColor": _colour(colour), "strokeWidth": 2 if series is not None else 1, "strokeDashArray": dashes}


def _points(element: ET.Element, high: float) -> list[float]:
    pairs = [pair.split(",") for pair in element.attrib["points"].split()]
    return [value for x, y in pairs for value in (float(x), high - float(y))]


def _colour(code: str, *, alpha: float = 1.0) -> Any:
    from reportlab.lib.colors import HexColor

    plain = HexColor(code)
    return plain.clone(alpha=alpha)
