"""QR codes as inline SVG that a strict Content-Security-Policy lets through."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from django.utils.html import format_html
from qrcode.constants import ERROR_CORRECT_L
from qrcode.main import QRCode

QUIET = 4  # modules around the code, which ISO/IEC 18004 asks for
WIDTH = 200  # pixels, where that is no less than the least for each module
LEAST = 3  # pixels a module, so that a phone tells them apart on a screen of one dot a pixel

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


def qr_svg(text: str, label: str) -> SafeString:
    """`text` as a QR code (ISO/IEC 18004), black on white in every theme, named `label` to screen readers.

    It is as large as its modules need. Dark ones are drawn as horizontal runs of one path: a few kilobytes.
    """
    code = QRCode(error_correction=ERROR_CORRECT_L, border=QUIET)  # type: ignore[var-annotated]  # qrcode has no types
    code.add_data(text)  # type: ignore[no-untyped-call]  # the same
    matrix = code.get_matrix()  # type: ignore[no-untyped-call]  # the same
    size = len(matrix)
    runs = []
    for y, row in enumerate(matrix):
        x = 0
        for dark, cells in groupby(row):
            width = len(list(cells))
            if dark:
                runs.append(f"M{x} {y}h{width}v1h-{width}z")
            x += width
    return format_html(
        '<svg viewBox="0 0 {0} {0}" role="img" aria-label="{1}" shape-rendering="crispEdges" width="{3}" height="{3}">'
        '<path fill="#fff" d="M0 0h{0}v{0}H0z"/><path fill="#000" d="{2}"/></svg>',
        size,
        label,
        "".join(runs),
        size * max(LEAST, WIDTH // size),
    )
