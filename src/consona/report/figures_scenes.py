"""Pictures of captions and brains: models by region, cards of captions read out, words left out, layers in time."""

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.report.drawing import (
    canvas,
    labels,
    number,
    plain,
    require,
    values,
    without_spine,
    words,
    zero_line,
)
from consona.report.palette import BAND, INK, MUTED, PAPER, series_colour
from consona.report.rows import dot, grouped_rows, name_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LETTERS = 8  # beside a bar
DIVERGING, RISING = "RdBu_r", "YlGnBu"
WRAPPED, MOST_LINES = 50, 3  # letters of a line beside a picture, and lines of a caption
WIDTH, PICTURE, LINE, BETWEEN, APART = 6.2, 1.1, 0.145, 0.04, 0.14  # inches: of a card, and within and between cards


def draw_roi_bars(ds: xr.Dataset) -> "Figure":
    """Models as rows, a panel per region: the mean over subjects as a bar with its interval, every subject as a dot.

    ``value`` (region, model, subject). Optional: ``low`` and ``high`` (region, model), else one standard error;
    ``ceiling_low`` and ``ceiling_high`` (region) as a band; ``letters`` (region, model): models without a common letter
    differ; the coordinate ``group`` over models, which gives colours and headings. Attribute: ``xlabel``.
    """
    require(ds, value=("region", "model", "subject"))
    groups = [plain(each) for each in ds["group"].values] if "group" in ds.variables else [""] * ds.sizes["model"]
    heights, headings = grouped_rows(groups)
    regions = labels(ds, "region")
    n_columns = len(regions) if len(regions) <= 3 else 2
    n_rows = -(-len(regions) // n_columns)
    figure = canvas(6.2, n_rows * (0.5 + 0.19 * (len(heights) + len(headings))) + 0.45)
    axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).ravel()
    inks = {name: series_colour(i) for i, name in enumerate(dict.fromkeys(groups))}
    for ax in axes[: len(regions) : n_columns]:
        name_rows(ax, labels(ds, "model"), heights, headings)
    for ax in axes[len(regions) :]:
        ax.set_axis_off()
    for k, (ax, region) in enumerate(zip(axes, regions, strict=False)):
        ax.tick_params(labelbottom=True)
        without_spine(ax, "left")
        zero_line(ax)
        ax.set_title(region)
        _region(ax, ds.isel(region=k), heights, [inks[each] for each in groups])
    band = "; grey: ceiling" if np.isfinite(values(ds, "ceiling_low", "region")).any() else ""
    figure.supxlabel(words(ds, "xlabel", "agreement [r]") + band, fontsize=8.5)
    return figure


def _region(ax: "Axes", ds: xr.Dataset, heights: np.ndarray, inks: list[str]) -> None:
    """Bars, dots, intervals and letters of one region over the band of its ceiling."""
    value, (low, high) = values(ds, "value", "model", "subject"), _ends(ds)
    floor, ceiling = float(values(ds, "ceiling_low")), float(values(ds, "ceiling_high"))
    if np.isfinite([floor, ceiling]).all():
        ax.axvspan(floor, ceiling, color=BAND, linewidth=0, zorder=-1)
    letters = (
        [plain(each)[:MOST_LETTERS] for each in ds["letters"].values]
        if "letters" in ds.variables
        else [""] * len(heights)
    )
    spread = np.linspace(0.28, -0.28, value.shape[1]) if value.shape[1] > 1 else np.zeros(1)
    for i, (y, ink) in enumerate(zip(heights, inks, strict=True)):
        known = value[i][np.isfinite(value[i])]
        if not len(known):
            ax.annotate("undefined", (0, y), (3, 0), textcoords="offset points", va="center", fontsize=7, color=MUTED)
            continue
        ax.barh(y, known.mean(), 0.7, color=ink, alpha=0.32, linewidth=0, zorder=1)
        ax.plot(value[i], y + spread, linestyle="", marker="o", markersize=2.2, color=ink, alpha=0.75, zorder=2)
        ax.plot([low[i], high[i]], [y, y], color=INK, linewidth=1.3, zorder=3)
        at_right: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "annotation_clip": False}
        ax.annotate(letters[i], (1, y), (3, 0), va="center", fontsize=7, color=MUTED, **at_right)


def _ends(ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The interval of the result, or the mean less and plus one standard error over subjects."""
    if "low" in ds.variables and "high" in ds.variables:
        return values(ds, "low", "model"), values(ds, "high", "model")
    each = np.ma.masked_invalid(values(ds, "value", "model", "subject"))
    n = each.count(axis=1)
    mean, error = each.mean(axis=1), each.std(axis=1, ddof=1) / np.sqrt(np.maximum(n, 1))
    ends = (np.where(n > 1, np.ma.filled(mean + sign * error, np.nan), np.nan) for sign in (-1, 1))
    low, high = ends
    return low, high


def draw_caption_cards(ds: xr.Dataset) -> "Figure":
    """Images beside their caption, the caption read out of the brain, and the nearest training caption as control.

    ``image`` (card, y, x, colour) of uint8, ``true``, ``read_out``, ``control`` and ``rank`` (card), 0 for the best of
    ``attrs['n_test']``, as :func:`consona.alignment.caption_cards.cards` makes them. Attribute: ``label``.
    """
    require(ds, image=("card", "y", "x", "colour"), true=("card",), read_out=("card",), rank=("card",))
    of = f" of {ds.attrs['n_test']}" if "n_test" in ds.attrs else ""
    ranks, images = values(ds, "rank", "card"), ds["image"].transpose("card", "y", "x", "colour").values
    cards = [
        [*_texts(ds.isel(card=i)), ("", [f"rank {number(rank, 0)}{of}, best 0"], False)] for i, rank in enumerate(ranks)
    ]
    heights = [max(PICTURE, sum(len(lines) * LINE + BETWEEN for _, lines, _ in texts)) + APART for texts in cards]
    figure = canvas(WIDTH, sum(heights))
    figure.set_layout_engine("none")  # every card has its place, however long its text
    top = sum(heights)
    for image, texts, height in zip(images, cards, heights, strict=True):
        ax = figure.add_axes((0.01, (top - PICTURE) / sum(heights), PICTURE / WIDTH, PICTURE / sum(heights)))
        ax.imshow(np.asarray(image), interpolation="none")
        ax.set_axis_off()
        _card(figure, texts, top / sum(heights))
        top -= height
    return figure


def _texts(ds: xr.Dataset) -> list[tuple[str, list[str], bool]]:
    """Head, lines and weight of every text of a card."""
    heads = (("true", "caption"), ("read_out", words(ds, "label", "read out")), ("control", "nearest in training"))
    return [(head, _wrapped(ds[key].item()), key == "read_out") for key, head in heads if key in ds.variables]


def _card(figure: "Figure", texts: list[tuple[str, list[str], bool]], top: float) -> None:
    """The texts of one card from the top down, each under the last line of the one above."""
    left, y = PICTURE / WIDTH + 0.035, top
    for head, lines, strong in texts:
        figure.text(left, y, head, va="top", fontsize=7.5, color=MUTED)
        for line in lines:
            look: Any = {"fontweight": "bold"} if strong else {} if head else {"fontsize": 7.5, "color": MUTED}
            figure.text(left + 0.19, y, line, **({"va": "top", "fontsize": 8, "color": INK} | look))
            y -= LINE / figure.get_figheight()
        y -= BETWEEN / figure.get_figheight()


def _wrapped(text: object) -> list[str]:
    lines = textwrap.wrap(plain(text), WRAPPED) or ["–"]
    cut = f"{lines[MOST_LINES - 1][: WRAPPED - 1]}…" if len(lines) > MOST_LINES else ""
    return [*lines[: MOST_LINES - 1], cut] if cut else lines


def draw_layer_time_grid(ds: xr.Dataset) -> "Figure":
    """Layers by time steps as cells, the deepest layer on top: a row per network, a column per region.

    ``value`` (network, region, layer, time); what a network does not have is NaN and stays empty. Attributes:
    ``label`` and ``xlabel``.
    """
    require(ds, value=("network", "region", "layer", "time"))
    cells = values(ds, "value", "network", "region", "layer", "time")
    networks, regions, layers, times = (labels(ds, dim) for dim in ("network", "region", "layer", "time"))
    most = float(np.nanmax(np.abs(cells), initial=0.0)) or 1.0
    diverging = float(np.nanmin(cells, initial=0.0)) < -0.1 * most
    low, colours = (-most, DIVERGING) if diverging else (float(np.nanmin(cells, initial=most)), RISING)
    wide = min(1.7, max(0.8, 0.2 * len(times)))
    figure = canvas(min(7.4, 1.9 + wide * len(regions)), 0.75 + len(networks) * (0.42 + max(0.6, 0.17 * len(layers))))
    axes = figure.subplots(len(networks), len(regions), sharex=True, sharey=True, squeeze=False)
    for (i, j), ax in zip(np.ndindex(axes.shape), axes.flat, strict=True):
        shown = np.ma.masked_invalid(cells[i, j])
        mesh = ax.pcolormesh(shown, cmap=colours, vmin=low, vmax=most, edgecolors=PAPER, linewidth=0.5)
        without_spine(ax, "left", "bottom")
        ax.set_xticks(np.arange(len(times)) + 0.5, times)
        ax.set_yticks(np.arange(len(layers)) + 0.5, layers)
        ax.set_title(regions[j] if i == 0 else "", fontsize=8.5, pad=5)
        if j == 0:
            ax.set_ylabel(textwrap.fill(networks[i], 16), fontweight="bold")
    figure.supxlabel(words(ds, "xlabel", "time step"), fontsize=8.5)
    bar = figure.colorbar(mesh, ax=list(axes.ravel()), shrink=0.7, pad=0.02, label=words(ds, "label", "agreement [r]"))
    bar.outline.set_visible(False)
    return figure


def draw_text_ladder(ds: xr.Dataset) -> "Figure":
    """How near texts with less and less in them stay to full captions: by image, and by the geometry of images.

    ``value``, ``low`` and ``high`` (rung), and the same as ``rdm``, ``rdm_low``, ``rdm_high``; optional open marks
    ``mismatched`` and ``rdm_mismatched`` (rung): what other images' texts reach. Attributes: ``xlabel``, ``rdm_label``.
    """
    require(ds, value=("rung",), rdm=("rung",))
    names = labels(ds, "rung")
    heights = np.arange(len(names))[::-1].astype(float)
    figure = canvas(6.4, 0.85 + 0.23 * len(names))
    axes = figure.subplots(1, 2, sharey=True)
    kinds = (
        ("value", "low", "high", "mismatched", words(ds, "xlabel", "correlation with the full caption")),
        ("rdm", "rdm_low", "rdm_high", "rdm_mismatched", words(ds, "rdm_label", "correlation of dissimilarities")),
    )
    for ax, (key, low, high, other, label), ink in zip(axes, kinds, (series_colour(0), series_colour(1)), strict=True):
        zero_line(ax)
        ax.hlines(heights, 0, 1, transform=ax.get_yaxis_transform(), color=BAND, linewidth=0.7, zorder=0)
        rows = zip(*(values(ds, name, "rung") for name in (key, low, high, other)), heights, strict=True)
        for at, bottom, top, baseline, y in rows:
            dot(ax, (baseline, y), (np.nan, np.nan), ink=MUTED, hollow=True, size=5.5)
            dot(ax, (at, y), (bottom, top), ink=ink)
        ax.set_xlabel(label)
        without_spine(ax, "left")
    axes[0].set_yticks(heights, names)
    axes[0].set_ylim(-0.6, len(names) - 0.4)
    if {"mismatched", "rdm_mismatched"} & set(map(str, ds.variables)):
        note = "Open: texts of other images."
        figure.suptitle(note, x=0.99, ha="right", fontsize=7.5, color=MUTED)
    return figure
