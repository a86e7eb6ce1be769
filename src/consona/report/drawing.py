"""An empty figure in the house style, and its way to SVG and PDF text.

Nothing here depends on the date, on a display or on a global matplotlib state, so the same numbers give the same bytes.
"""

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import numpy as np
import xarray as xr

from consona.core.errors import InvalidInput
from consona.report.palette import INK, MUTED, RULE, themed
from consona.report.wording import p_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONTS = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Liberation Sans', Arial, system-ui, sans-serif"
LONGEST_LABEL = 36
SCALE = 1.55  # on the page a figure is at most so much larger than in print: 8.5 points become 13 pixels
LEAST = 1.0  # and at least so large; on a narrow screen a wide one is moved sideways in its box
TALL = 1.3  # height over width beyond which a figure takes a page of its own in print
INKED = ("text.color", "axes.labelcolor", "axes.titlecolor", "xtick.labelcolor", "ytick.labelcolor")
STYLE: dict[Any, Any] = (
    {
        "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and copied
        "pdf.fonttype": 42,
        "text.parse_math": False,  # a dollar sign in a stimulus is a dollar sign
        "font.family": ["DejaVu Sans"],  # comes with matplotlib, so the layout is the same everywhere
        "font.size": 8.5,
        "axes.titlesize": 9,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 8,
        "axes.labelsize": 8.5,
        "axes.linewidth": 0.7,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.unicode_minus": True,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.major.width": 0.7,
        "ytick.major.width": 0.7,
        "lines.linewidth": 1.6,
        "lines.markersize": 5,
        "legend.frameon": False,
    }
    | dict.fromkeys(INKED, INK)
    | dict.fromkeys(("axes.edgecolor", "xtick.color", "ytick.color"), MUTED)
)

SVG = "{http://www.w3.org/2000/svg}"
DRAWN = {"svg", "g", "defs", "path", "use", "text", "tspan", "clipPath", "rect", "image", "title"}


@contextmanager
def house_style(salt: str) -> Iterator[None]:
    """Matplotlib's settings for one figure; the former ones are back afterwards, whatever happens."""
    import matplotlib

    with matplotlib.rc_context({**STYLE, "svg.hashsalt": salt}), warnings.catch_warnings():
        # The reader's browser has the emoji that the layout font lacks; only its width is guessed.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def canvas(width: float, height: float) -> "Figure":
    """An empty figure, in inches, without a window behind it."""
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained")


def as_svg(figure: "Figure", *, name: str, themed_inks: bool) -> str:
    """The figure as one ``<svg>`` element.

    Its ids begin with ``name``, so several can stand on one page. With ``themed_inks`` colours become CSS variables
    that fall back to the paper ink; without, the text is a complete file.
    """
    sheet = io.StringIO()
    no_date = {"Date": None, "Creator": None, "Type": None, "Format": None}
    figure.savefig(sheet, format="svg", dpi=200, transparent=True, metadata=no_date)
    text = sheet.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style type=\"text/css\">[^<]*</style>\s*</defs>", "", text, count=1)
    text = re.sub(r"<[^>]*>", lambda tag: _adapted(tag.group(), name, themed_inks), text)
    width, height = 72 * figure.get_figwidth(), 72 * figure.get_figheight()
    fit = f"; max-width: {width * SCALE:.0f}px; min-width: {width * LEAST:.0f}px" if themed_inks else ""
    tall = 'class="tall" ' if themed_inks and height > TALL * width else ""
    text = text.replace("<svg ", f'<svg {tall}style="font-family: {FONTS}; stroke-linejoin: round{fit}" ', 1)
    if themed_inks:
        text = re.sub(r'(<svg [^>]*?) width="[^"]*" height="[^"]*"', r"\1", text, count=1)
    _only_drawing(text)
    return text.strip() + "\n"


def as_pdf(figure: "Figure") -> bytes:
    """The figure as the bytes of a PDF file, without a date."""
    sheet = io.BytesIO()
    figure.savefig(sheet, format="pdf", dpi=300, transparent=True, metadata={"CreationDate": None, "Producer": None})
    return sheet.getvalue()


def _adapted(tag: str, name: str, themed_inks: bool) -> str:
    """One tag of an SVG with ids of its own, the font of the page and, where asked, colours as CSS variables."""
    tag = re.sub(r"font-family: [^;\"]*", "font-family: inherit", tag)
    tag = re.sub(r'\b(id|xlink:href)="(#?)(?!#|data:)', rf'\1="\2{name}-', tag)
    tag = tag.replace("url(#", f"url(#{name}-")
    if themed_inks:
        for ink, (light, _) in themed().items():
            tag = tag.replace(light, f"var(--{ink}, {light})")
    return tag


def _only_drawing(svg: str) -> None:
    """Refuse an SVG that holds anything but shapes, text and embedded pictures (nothing that runs, nothing fetched)."""
    for element in ElementTree.fromstring(svg).iter():
        tag = element.tag.removeprefix(SVG)
        links = [value for key, value in element.attrib.items() if key.endswith("href")]
        handlers = [key for key in element.attrib if key.lower().startswith("on")]
        outside = [link for link in links if not link.startswith(("#", "data:image/png;base64,"))]
        if tag not in DRAWN or handlers or outside:
            raise InvalidInput(
                f"a figure holds <{tag}> {handlers + outside}, expected shapes and text only. "
                "Remove it from the labels of the result, or report this as a fault of the figure code."
            )


def plain(text: object) -> str:
    """A label as one line of printable characters: what XML forbids and line breaks become spaces."""
    kept = "".join(c if c.isprintable() else " " for c in str(text))
    return " ".join(kept.split())


def words(ds: xr.Dataset, key: str, default: str = "") -> str:
    """A text attribute of a result, as a label."""
    return plain(ds.attrs.get(key, default))


def labels(ds: xr.Dataset, dim: str) -> list[str]:
    """The names along a dimension, numbered from 0 where it has none; a long one is cut (the table keeps it whole)."""
    names = [plain(value) for value in ds[dim].values]
    return [name if len(name) <= LONGEST_LABEL else f"{name[: LONGEST_LABEL - 1]}…" for name in names]


def require(ds: xr.Dataset, **variables: Sequence[str]) -> None:
    """Refuse a result whose variables or dimensions differ from those its figure is drawn from."""
    kind = ds.attrs.get("figure")
    for name, dims in variables.items():
        if name not in ds.variables:
            raise InvalidInput(
                f"figure '{kind}' has the variables {sorted(map(str, ds.variables))}, expected '{name}' over "
                f"{tuple(dims)}. Return it from the step that makes this figure."
            )
        if set(ds[name].dims) != set(dims):
            raise InvalidInput(
                f"'{name}' of figure '{kind}' has dimensions {tuple(ds[name].dims)}, expected {tuple(dims)}. "
                "Rename or select them in the step that makes this figure."
            )


def values(ds: xr.Dataset, name: str, *dims: str) -> np.ndarray:
    """A variable as floats in the given order of dimensions; NaN throughout where the result has no such variable."""
    if name not in ds.variables:
        return np.full([ds.sizes[dim] for dim in dims], np.nan)
    return np.asarray(ds[name].transpose(*dims).values, dtype=float)


def zero_line(ax: "Axes", *, at: float = 0.0, vertical: bool = True) -> None:
    """A thin line at the value that means nothing."""
    line = ax.axvline if vertical else ax.axhline
    line(at, color=RULE, linewidth=0.9, zorder=0)


def without_spine(ax: "Axes", *sides: str) -> None:
    """Take away an axis line and its tick marks, keep the labels."""
    for side in sides:
        ax.spines[side].set_visible(False)
        ax.tick_params(axis="y" if side in ("left", "right") else "x", length=0)


def beside(ax: "Axes", y: float, text: str, *, colour: str = MUTED) -> None:
    """A small text to the right of the axes, at the height ``y`` of the data."""
    place: Any = ("axes fraction", "data")
    ax.annotate(
        text,
        (1, y),
        (7, 0),
        xycoords=place,
        textcoords="offset points",
        va="center",
        color=colour,
        annotation_clip=False,
    )


def number(value: float, digits: int = 2) -> str:
    """A number for a label: fixed digits, a true minus, a dash where undefined."""
    if not np.isfinite(value):
        return "–"
    return f"{value:.{digits}f}".replace("-", "−")


def p_label(p: float) -> str:
    """A p value for a label, written as in the rest of the report; empty where undefined."""
    return p_value(p) if np.isfinite(p) else ""
