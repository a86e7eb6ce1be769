"""Scalp maps: one head per frequency band, or a plain grid where MNE is not installed."""

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from consona.report.drawing import canvas, labels, require, values, without_spine, words
from consona.report.palette import MUTED, PAPER

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mne.channels import DigMontage

LEVEL = 0.05
NOT_ON_SCALP = {"A1", "A2", "M1", "M2"}  # ear lobes and mastoids are references, not scalp sites
COLOURS = "RdBu_r"
RING: dict[str, Any] = {
    "marker": "o",
    "markerfacecolor": "none",
    "markeredgecolor": "#111111",
    "markeredgewidth": 1.3,
    "markersize": 6.5,
}
OUTLINES = 4  # head, nose and two ears are the first lines of a map
FEWEST = 6  # with fewer sites a map would be all interpolation


def draw_scalp(ds: xr.Dataset) -> "Figure":
    """The value of every channel as one head per band on a common scale; cells beyond the maximum statistic are ringed.

    The value is ``r`` or, where there is no ``r``, ``importance``: what a decoder loses without the cell.
    """
    if "r" not in ds.variables and "importance" in ds.variables:
        ds = ds.rename(importance="r")
    require(ds, r=("channel", "band"))
    names = labels(ds, "channel")
    known = _positions(names)
    return _heads(ds, known) if len(known) >= FEWEST else _grid(ds)


def _montage() -> "DigMontage | None":
    """Places of the 10-20 system on a standard head (the name changed with MNE 1.13); None without MNE."""
    if importlib.util.find_spec("mne") is None:
        return None
    import mne

    known = mne.channels.get_builtin_montages()
    return mne.channels.make_standard_montage("colin27_1020" if "colin27_1020" in known else "standard_1020")


def _positions(names: list[str]) -> dict[str, int]:
    """Channels that have a place on the scalp, and their number; none at all where MNE is not installed."""
    places = _montage()
    montage = {} if places is None else {name.upper(): name for name in places.ch_names}
    return {
        montage[name.upper()]: i
        for i, name in enumerate(names)
        if name.upper() in montage and name.upper() not in NOT_ON_SCALP
    }


def _heads(ds: xr.Dataset, known: dict[str, int]) -> "Figure":
    import mne

    bands, rows = labels(ds, "band"), list(known.values())
    r, p = values(ds, "r", "channel", "band")[rows], values(ds, "p_max", "channel", "band")[rows]
    info = mne.create_info(list(known), sfreq=100.0, ch_types="eeg").set_montage(_montage())
    extreme = float(np.nanmax(np.abs(r), initial=1e-300))
    columns = min(len(bands), 5)
    n_rows = -(-len(bands) // columns)
    figure = canvas(1.42 * columns + 0.7, 1.75 * n_rows + 0.4)
    axes = figure.subplots(n_rows, columns, squeeze=False).ravel()
    picture = None
    for k, ax in enumerate(axes):
        defined = np.isfinite(r[:, k]) if k < len(bands) else np.zeros(len(rows), dtype=bool)
        if defined.sum() < FEWEST:
            ax.set_axis_off()
            continue
        picture, _ = mne.viz.plot_topomap(
            r[defined, k],
            mne.pick_info(info, np.flatnonzero(defined)),
            axes=ax,
            show=False,
            cmap=COLOURS,
            contours=0,
            vlim=(-extreme, extreme),
            mask=(p[:, k] <= LEVEL)[defined],
            mask_params=RING,
            extrapolate="head",
            res=128,
        )
        for line in ax.lines[:OUTLINES]:
            line.set_color(MUTED)
        ax.set_title(bands[k], loc="center")
    if picture is not None:
        bar = figure.colorbar(picture, ax=list(axes), shrink=0.62, pad=0.02, label=words(ds, "label", "r"))
        bar.outline.set_visible(False)
    hidden = [name for i, name in enumerate(labels(ds, "channel")) if i not in rows]
    note = f" Not on these heads: {', '.join(hidden)}." if hidden else ""
    figure.supxlabel(_beyond(values(ds, "p_max", "channel", "band")) + note, fontsize=7.5, color=MUTED)
    return figure


def _beyond(p: np.ndarray) -> str:
    """How many cells pass the maximum statistic, in words."""
    tested = int(np.isfinite(p).sum())
    if not tested:
        return "Without a permutation test of the maximum: no cell is marked."
    passed = int((p <= LEVEL).sum())
    said = f"{passed} of {tested} cells pass" if passed else f"None of {tested} cells passes"
    return f"{said} the maximum statistic (p ≤ {LEVEL}{', ringed' if passed else ''})."


def _grid(ds: xr.Dataset) -> "Figure":
    """Channels by bands as coloured cells, where there is no MNE or no known place on the scalp."""
    r, p = values(ds, "r", "channel", "band"), values(ds, "p_max", "channel", "band")
    channels, bands = labels(ds, "channel"), labels(ds, "band")
    extreme = float(np.nanmax(np.abs(r), initial=1e-300))
    figure = canvas(max(3.6, min(7.6, 1.4 + 0.22 * len(channels))), 1.3 + 0.26 * len(bands))
    ax = figure.add_subplot()
    mesh = ax.pcolormesh(
        np.ma.masked_invalid(r.T), cmap=COLOURS, vmin=-extreme, vmax=extreme, edgecolors=PAPER, linewidth=0.6
    )
    for i, j in np.argwhere(p <= LEVEL):
        ax.plot(i + 0.5, j + 0.5, **RING)
    ax.set_xticks(np.arange(len(channels)) + 0.5, channels, rotation=90)
    ax.set_yticks(np.arange(len(bands)) + 0.5, bands)
    ax.invert_yaxis()
    without_spine(ax, "left", "bottom")
    figure.colorbar(mesh, ax=ax, pad=0.02, label=words(ds, "label", "r")).outline.set_visible(False)
    reason = "Shown as a grid: heads need MNE (extra 'eeg') and channels of the 10-20 system."
    figure.supxlabel(f"{_beyond(p)} {reason}", fontsize=7.5, color=MUTED)
    return figure
