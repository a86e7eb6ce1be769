"""Pictures of models beside each other: images seen in training, distances between models, targets, read-outs."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from consona.report.drawing import canvas, labels, number, plain, require, values, without_spine, words, zero_line
from consona.report.naming import name_points
from consona.report.palette import INK, MUTED, PAPER, RULE, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
DASHED: dict[str, Any] = {"color": INK, "linewidth": 1.0, "dashes": (3, 2), "zorder": 1}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
MOST_POINTS = 4000
GRID = 160  # places at which a density is drawn
HIGHEST = 0.8  # of a row, which its highest density fills


def draw_training_size_scatter(ds: xr.Dataset) -> "Figure":
    """Agreement with the brain over the images that a model was trained on, a panel per region, a name at every mark.

    ``match`` (model, region) and ``n_images`` (model). Optional: ``published`` (model), whether a number is another
    publication's (open mark) or measured here (filled); ``objective`` (model), which gives colours; ``low``, ``high``
    (model, region); ``ceiling`` (region). Attributes: ``xlabel`` and ``ylabel``.
    """
    require(ds, match=("model", "region"), n_images=("model",))
    regions = labels(ds, "region")
    n_columns = 1 if len(regions) == 1 else 2
    n_rows = -(-len(regions) // n_columns)
    figure = canvas(4.6 if n_columns == 1 else 6.2, 2.9 * n_rows + 0.6)
    axes = figure.subplots(n_rows, n_columns, sharex=True, squeeze=False).ravel()
    for ax in axes[len(regions) :]:
        ax.set_axis_off()
    shown = axes[: len(regions)]
    for k, ax in enumerate(shown):
        ax.set_title(regions[k])
        ax.tick_params(labelbottom=True)
        _sizes(ax, ds.isel(region=k))
    figure.supxlabel(words(ds, "xlabel", "images seen in training"), fontsize=8.5)
    figure.supylabel(words(ds, "ylabel", "agreement [r]"), fontsize=8.5)
    _legend(figure, _objectives(ds), published=bool(_flags(ds).any() and not _flags(ds).all()))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # names are placed in the panels as they stand now
    n_images = values(ds, "n_images", "model")
    for k, ax in enumerate(shown):
        name_points(
            ax, np.stack([n_images, values(ds, "match", "model", "region")[:, k]], axis=1), labels(ds, "model"), size=7
        )
    return figure


def _sizes(ax: "Axes", ds: xr.Dataset) -> None:
    """The marks of one region; the axis is logarithmic, with room for names on both sides."""
    from matplotlib.ticker import MaxNLocator

    n_images, match, low, high = (values(ds, name, "model") for name in ("n_images", "match", "low", "high"))
    inks, open_marks, said = _objectives(ds), _flags(ds), _said(ds)
    ax.set_xscale("log")
    ax.xaxis.set_major_formatter(lambda at, _: f"10{f'{np.log10(at):.0f}'.translate(RAISED)}")
    ax.minorticks_off()
    ax.yaxis.set_major_locator(MaxNLocator(5))
    for i in np.flatnonzero(np.isfinite(n_images) & np.isfinite(match) & (n_images > 0)):
        ink = inks[said[i]]
        ax.plot([n_images[i]] * 2, [low[i], high[i]], color=ink, linewidth=1.6, alpha=0.45)
        face = PAPER if open_marks[i] else ink
        look: Any = {"markerfacecolor": face, "markeredgecolor": ink if open_marks[i] else PAPER, "markersize": 6}
        ax.plot(n_images[i], match[i], linestyle="", marker="o", markeredgewidth=1.2 if open_marks[i] else 0.7, **look)
    ceiling = float(values(ds, "ceiling"))
    if np.isfinite(ceiling):
        ax.axhline(ceiling, **DASHED)
        right: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "right"}
        ax.annotate("ceiling", (1, ceiling), (0, 2), va="bottom", fontsize=7, color=MUTED, **right)
    known = n_images[np.isfinite(n_images) & (n_images > 0)]
    low_end, high_end = (known.min(), known.max()) if len(known) else (1.0, 10.0)
    ax.set_xlim(low_end / 2.5, high_end * 2.5)
    ax.margins(y=0.14)
    ax.set_ylim(ax.get_ylim())


def _said(ds: xr.Dataset) -> list[str]:
    """The objective of every model; one for all where the result names none."""
    named = "objective" in ds.variables
    return [plain(each) for each in ds["objective"].values] if named else [""] * ds.sizes["model"]


def _objectives(ds: xr.Dataset) -> dict[str, str]:
    return {name: series_colour(i) for i, name in enumerate(dict.fromkeys(_said(ds)))}


def _flags(ds: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Which models' numbers were published elsewhere."""
    return values(ds, "published", "model") > 0


def _legend(figure: "Figure", inks: dict[str, str], *, published: bool) -> None:
    from matplotlib.lines import Line2D

    look: Any = {"linestyle": "", "marker": "o", "markersize": 5.5}
    handles = [Line2D([], [], color=ink, label=name, **look) for name, ink in inks.items() if name]
    if published:
        handles.append(Line2D([], [], color=MUTED, label="measured here", **look))
        handles.append(Line2D([], [], color=MUTED, markerfacecolor="none", label="as published", **look))
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=5, fontsize=7.5, handletextpad=0.2)


def draw_vertex_scatter(ds: xr.Dataset) -> "Figure":
    """Targets by two values, coloured by region, beside the diagonal; of very many, every so many are drawn.

    ``x`` and ``y`` (target), optional the coordinate ``roi``. Attributes: ``xlabel`` and ``ylabel``.
    """
    require(ds, x=("target",), y=("target",))
    x, y = values(ds, "x", "target"), values(ds, "y", "target")
    stride = -(-len(x) // MOST_POINTS)
    kept = np.isfinite(x) & np.isfinite(y) & (np.arange(len(x)) % stride == 0)
    rois = np.array([plain(each) for each in ds["roi"].values] if "roi" in ds.variables else [""] * len(x))
    figure = canvas(4.6, 4.1)
    ax = figure.add_subplot()
    low, high = (float(f(np.concatenate([x[kept], y[kept], [0.0]]))) for f in (np.min, np.max))
    high = high if high > low else low + 1
    ax.plot([low, high], [low, high], color=RULE, linewidth=0.9, zorder=0)
    order = [name for name in dict.fromkeys(rois.tolist()) if name not in ("", "none")]
    inks = {"": MUTED, "none": MUTED} | {name: series_colour(i) for i, name in enumerate(order)}
    for name in [each for each in dict.fromkeys(rois.tolist()) if each not in order] + order:
        _specks(ax, x[kept & (rois == name)], y[kept & (rois == name)], inks[name], high - low)
    ax.set(xlim=(low - 0.03 * (high - low), high + 0.03 * (high - low)), aspect="equal")
    ax.set_ylim(ax.get_xlim())
    ax.set_xlabel(words(ds, "xlabel", "ceiling [r]"))
    ax.set_ylabel(words(ds, "ylabel", "encoding [r]"))
    rest = {"other": MUTED} if order and set(rois.tolist()) - set(order) else {}
    _legend(figure, {name: inks[name] for name in order} | rest, published=False)
    said = f"{kept.sum():,} of {len(x):,} targets" + (f" (one in {stride})" if stride > 1 else "")
    ax.text(0.99, 0.01, said, transform=ax.transAxes, ha="right", fontsize=7.5, color=MUTED)
    return figure


def _specks(ax: "Axes", x: Floats, y: Floats, ink: str, reach: float) -> None:
    """Points as one path of very short strokes with round ends: a quarter of the bytes of marks."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not len(x):
        return
    ends = np.stack([np.stack([x, y], axis=1), np.stack([x + 1e-4 * reach, y], axis=1)], axis=1).reshape(-1, 2)
    strokes = Path(ends, np.tile([Path.MOVETO, Path.LINETO], len(x)))
    strokes.should_simplify = False
    ax.add_patch(PathPatch(strokes, facecolor="none", edgecolor=ink, linewidth=2.4, alpha=0.55, capstyle="round"))


def draw_readout_density(ds: xr.Dataset) -> "Figure":
    """How the scores of read-outs lie, a row per measure, each to its own height: all (filled), subjects (thin lines).

    ``value`` (measure, subject, stimulus). Attributes: ``ceiling`` (a dashed line) and ``xlabel``.
    """
    require(ds, value=("measure", "subject", "stimulus"))
    found, names = values(ds, "value", "measure", "subject", "stimulus"), labels(ds, "measure")
    known = found[np.isfinite(found)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    edge = 0.08 * ((high - low) or 1.0)
    grid = np.linspace(low - edge, high + edge, GRID)
    figure = canvas(6.2, 0.9 + 0.72 * len(names))
    ax = figure.add_subplot()
    zero_line(ax)
    ceiling = float(ds.attrs.get("ceiling", np.nan))
    if np.isfinite(ceiling):
        ax.axvline(ceiling, **DASHED)
        above: Any = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "center"}
        ax.annotate(f"ceiling {number(ceiling)}", (ceiling, 1), (0, 2), fontsize=7.5, color=INK, **above)
    rows = [[_density(each, grid) for each in (of_measure.ravel(), *of_measure)] for of_measure in found]
    for k, row in enumerate(rows):
        highest = max(float(each.max()) for each in row) or 1.0
        _ridge(ax, grid, [HIGHEST * each / highest for each in row], len(names) - 1 - k, series_colour(k))
        _mean(ax, found[k], len(names) - 1 - k)
    ax.set(xlim=(grid[0], grid[-1]), ylim=(-0.15, len(names)))
    ax.set_yticks(np.arange(len(names))[::-1], names)
    without_spine(ax, "left")
    ax.set_xlabel(words(ds, "xlabel", "correlation with the caption [r]"))
    return figure


def _density(each: Floats, grid: Floats) -> Floats:
    """A Gaussian density by Scott's rule; zero where there are not two different values."""
    from scipy.stats import gaussian_kde

    known = each[np.isfinite(each)]
    if len(known) < 3 or np.ptp(known) < 1e-9:
        return np.zeros_like(grid)
    return np.asarray(gaussian_kde(known)(grid))


def _ridge(ax: "Axes", grid: Floats, densities: list[Floats], y: int, ink: str) -> None:
    ax.fill_between(grid, y, y + densities[0], color=ink, alpha=0.3, linewidth=0)
    for i, each in enumerate(densities):
        if i or len(densities) == 2:
            ax.plot(grid, y + each, color=ink, linewidth=0.8, alpha=0.8)
    ax.axhline(y, color=RULE, linewidth=0.7, zorder=0)


def _mean(ax: "Axes", found: Floats, y: int) -> None:
    """The mean over all stimuli as a tick under its row, in figures to the right."""
    known = found[np.isfinite(found)]
    said = f"mean {number(float(known.mean()))}" if len(known) else "undefined"
    if len(known):
        ax.plot([known.mean()] * 2, [y - 0.1, y + 0.04], color=INK, linewidth=1.6)
    at: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
    ax.annotate(said, (1, y), (5, 3), fontsize=7.5, color=MUTED, **at)


def draw_model_geometry(ds: xr.Dataset) -> "Figure":
    """Models as points, as far apart as they differ: classical scaling of their dissimilarities to two axes.

    ``dissimilarity`` (model, model2) of the same models in the same order; a model without all of them is left out.
    Optional: ``objective`` (model), which gives colours. The share of the squared distances that both axes hold stands
    below.
    """
    require(ds, dissimilarity=("model", "model2"))
    table = values(ds, "dissimilarity", "model", "model2")
    names = labels(ds, "model")
    np.fill_diagonal(table, 0.0)
    kept = np.flatnonzero(np.isfinite(table).sum(axis=1) > len(names) / 2)
    kept = kept[np.isfinite(table[np.ix_(kept, kept)]).all(axis=1)]
    figure = canvas(5.0, 4.2)
    ax = figure.add_subplot()
    places, share = _scaled(table[np.ix_(kept, kept)])
    said, inks = _said(ds), _objectives(ds)
    for i, (x, y) in zip(kept, places, strict=True):
        ax.plot(x, y, linestyle="", marker="o", markersize=6.5, color=inks[said[i]], markeredgecolor=PAPER)
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.set_adjustable("datalim")
    ax.margins(0.2)
    without_spine(ax, "left", "bottom")
    below = f"{number(100 * share, 0)} % of the squared distances" if len(kept) else "undefined"
    left_out = len(names) - len(kept)
    ax.set_xlabel(below + (f"; {left_out} left out" if left_out else ""), color=MUTED)
    _legend(figure, inks, published=False)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    name_points(ax, places, [names[i] for i in kept], size=7.5)
    return figure


def _scaled(table: Floats) -> tuple[Floats, float]:
    """Two coordinates whose distances come nearest to the table (Torgerson), and the share of it that they hold."""
    if len(table) < 2:
        return np.zeros((len(table), 2)), 1.0
    squared = ((table + table.T) / 2) ** 2
    centred = squared - squared.mean(axis=0) - squared.mean(axis=1)[:, None] + squared.mean()
    roots, vectors = np.linalg.eigh(-centred / 2)
    first = np.argsort(-roots, kind="stable")[:2]
    vectors = vectors[:, first] * np.sign(vectors[np.abs(vectors[:, first]).argmax(axis=0), first])
    positive = np.maximum(roots, 0)
    return vectors * np.sqrt(positive[first]), float(positive[first].sum() / (positive.sum() or 1.0))
