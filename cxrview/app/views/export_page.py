"""One page for the printer or a PDF: the picture, what was found, which model said so, and the notice."""

from __future__ import annotations

import html
from datetime import datetime

from PySide6.QtCore import QBuffer, QIODevice, QMarginsF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPagedPaintDevice, QPageLayout, QPageSize, QPainter, QPdfWriter, QTextDocument

from cxrview import __version__
from cxrview.app.answers import findings_of, is_unknown, is_withheld, layer_views, method_name, refusal_of
from cxrview.app.cells import cell_states
from cxrview.app.privacy import patient_text, shown_name
from cxrview.app.state import AppState, LoadedPicture
from cxrview.app.views.canvas_texts import orientation_text, window_text
from cxrview.app.views.export_picture import NOTICE, ExportOptions, model_identity, model_line
from cxrview.core.results import Analysis, Finding

PDF_DPI = 200
MARGIN_MM = 14.0
# Of the page, for the picture; the rest is for words, which go before it when they need more.
PICTURE_PART = 0.62
LEAST_PICTURE_PART = 0.3
GAP_PT = 8.0
TEXT_PT = 9.0
CAVEAT = "A heatmap shows what moved the score. It is not a segmentation."


def pdf_page(state: AppState, options: ExportOptions, picture: QImage) -> bytes:
    """Give the page as a PDF file; it names nobody in its properties."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QPdfWriter(buffer)
    writer.setResolution(PDF_DPI)
    writer.setCreator(f"cxrview {__version__}")
    writer.setTitle(NOTICE)
    paint_page(writer, state, options, picture)
    buffer.close()
    return bytes(buffer.data().data())


def paint_page(device: QPagedPaintDevice, state: AppState, options: ExportOptions, picture: QImage) -> None:
    """Paint one A4 page, upright or lying as the picture is."""
    is_wide = picture.width() > 1.25 * picture.height()
    lying = QPageLayout.Orientation.Landscape if is_wide else QPageLayout.Orientation.Portrait
    margins = QMarginsF(MARGIN_MM, MARGIN_MM, MARGIN_MM, MARGIN_MM)
    device.setPageLayout(QPageLayout(QPageSize(QPageSize.PageSizeId.A4), lying, margins, QPageLayout.Unit.Millimeter))
    painter = QPainter(device)
    dots = device.logicalDpiX() / 72.0
    page = QRectF(0, 0, device.width(), device.height())
    words = _document(page_html(state, options), device, page.width())
    room = max(LEAST_PICTURE_PART * page.height(), min(PICTURE_PART * page.height(), page.height() - words.size().height() - GAP_PT * dots))
    size = picture.size().scaled(round(page.width()), round(room), Qt.AspectRatioMode.KeepAspectRatio)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(QRectF((page.width() - size.width()) / 2, 0.0, size.width(), size.height()), picture)
    painter.translate(QPointF(0.0, size.height() + GAP_PT * dots))
    painter.setPen(QColor("black"))
    words.drawContents(painter, QRectF(0, 0, page.width(), page.height() - size.height() - GAP_PT * dots))
    painter.end()


def page_html(state: AppState, options: ExportOptions) -> str:
    """Say what stands below the picture."""
    states = [cell for cell in cell_states(state) if isinstance(cell.picture, LoadedPicture)] if options.has_layout else [state]
    has_names = options.has_names and not state.is_hiding_names
    parts = [f"<p><b>{NOTICE}.</b></p>"]
    for number, cell in enumerate(states, start=1):
        title = f"<b>Picture {number}.</b> " if len(states) > 1 else ""
        parts.append(f"<p>{title}{html.escape(_about(cell, has_names=has_names))}</p>")
        parts.append(f"<p>{html.escape(model_line(cell))}</p>" if len(states) > 1 else _findings(cell))
        parts.extend(_maps(cell, options))
    parts.append(f"<p>cxrview {__version__}, {datetime.now().astimezone():%Y-%m-%d %H:%M}</p>")
    return "".join(parts)


def _about(state: AppState, *, has_names: bool) -> str:
    picture = state.picture
    assert isinstance(picture, LoadedPicture)
    info = picture.pixels.info
    names = (shown_name(state, picture.ref), patient_text(state)) if has_names else ()
    seen = f"{window_text(picture, state.display)}{orientation_text(state.display)}"
    about = (*names, info.modality, info.view, f"{picture.pixels.width} × {picture.pixels.height}", info.format, seen)
    return "  ·  ".join(text for text in about if text)


def _findings(state: AppState) -> str:
    analysis = state.reading
    if not isinstance(analysis, Analysis):
        return f"<p>{model_line(state)}</p>"
    who = f"<p>Model: {html.escape(model_identity(analysis))}</p>"
    if is_withheld(state):
        return f"{who}<p><b>Scores withheld.</b> {html.escape(refusal_of(state))}</p>"
    rows = "".join(
        f"<tr><td>{html.escape(finding.label.name)}</td><td align='right'>{finding.probability:.2f}</td>"
        f"<td align='right'>{finding.threshold:.2f}</td><td>{_called(state, finding)}</td></tr>"
        for finding in findings_of(state)
    )
    doubt = f"<p><b>Shown although the program advises against it:</b> {html.escape(refusal_of(state))}</p>" if refusal_of(state) else ""
    head = "<tr><td><b>Finding</b></td><td><b>Probability</b></td><td><b>Threshold</b></td><td></td></tr>"
    return f"{who}{doubt}<table cellspacing='0' cellpadding='3'>{head}{rows}</table>"


def _called(state: AppState, finding: Finding) -> str:
    """Say on which side of its threshold a finding lies, and whether the model does not know."""
    unknown = "; don't know" if is_unknown(state, finding) else ""
    return f"{'at or above' if finding.is_positive else 'under'}{unknown}"


def _maps(state: AppState, options: ExportOptions) -> list[str]:
    """Name the heatmaps that lie on the picture."""
    if not (options.has_overlay and state.layers.is_visible):
        return []
    views = (view for view in layer_views(state) if view.layer.is_visible and view.heatmap is not None)
    names = [f"{view.heatmap.label.name} ({method_name(view.heatmap.method)})" for view in views if view.heatmap is not None]
    return [f"<p>Heatmap of {html.escape(', '.join(names))}. {CAVEAT}</p>"] if names else []


def _document(text: str, device: QPagedPaintDevice, width: float) -> QTextDocument:
    document = QTextDocument()
    document.documentLayout().setPaintDevice(device)
    font = QFont("sans-serif")
    font.setPointSizeF(TEXT_PT)
    document.setDefaultFont(font)
    document.setDefaultStyleSheet("body, p, td { color: black; } p { margin: 0 0 4px 0; }")
    document.setDocumentMargin(0.0)
    document.setHtml(f"<body>{text}</body>")
    document.setTextWidth(width)
    return document
