"""The surface that can be turned: a page that shows its map and asks for nothing."""

import base64
import re

import numpy as np
import pytest
import xarray as xr
from scene_samples import posterior_map
from test_browser import CHROMIUM, visit

from consona.brain.meshes import N_VERTICES, fsaverage5_mesh
from consona.core.errors import InvalidInput
from consona.core.figure import figure
from consona.report.interactive_views import interactive_view, views

TITLE = "people − places </title><script>alert(1)</script>"


def held(page, name, kind):
    (said,) = re.findall(rf'<script type="text/plain" id="{name}">([^<]*)</script>', page)
    return np.frombuffer(base64.b64decode(said), dtype=kind)


@pytest.fixture(scope="module")
def values():
    return posterior_map(np.random.default_rng(7), 1, N_VERTICES)[0][0]


def test_the_page_holds_the_surface_and_the_colours_of_its_half(values):
    page = interactive_view(values, hemisphere="right", title=TITLE, limit=0.5)
    positions, triangles = fsaverage5_mesh("inflated", "right")
    places = held(page, "places", "<i2").reshape(-1, 3) / 100
    assert np.abs(np.ptp(places, axis=0) - np.ptp(positions, axis=0)).max() < 0.02
    assert np.abs((places - positions) - (places - positions).mean(axis=0)).max() < 0.011
    assert (held(page, "triangles", "<u2").reshape(-1, 3) == triangles).all()
    red, green, blue = held(page, "inks", "u1").reshape(-1, 3).astype(int).T
    half = values[N_VERTICES:]
    assert (red[half > 0.4] > blue[half > 0.4] + 60).all()
    assert (blue[half < -0.4] > red[half < -0.4] + 60).all()
    nothing = np.isnan(half)
    assert (red[nothing] == green[nothing]).all()
    assert (red[nothing] == blue[nothing]).all()
    assert ">−0.500<" in page
    assert ">0.500<" in page


def test_nothing_is_loaded_and_only_its_own_script_may_run(values):
    page = interactive_view(values, hemisphere="left", title=TITLE)
    assert len(page) < 350_000
    assert "<script>alert" not in page
    assert "http" not in re.sub(r'http-equiv="Content', "", page)
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["data:,"]
    assert "default-src &#39;none&#39;" in page
    assert page == interactive_view(values, hemisphere="left", title=TITLE)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this computer")
def test_the_browser_draws_it_without_a_message_or_a_request(values, tmp_path):
    import matplotlib.image

    page, shot = tmp_path / "view.html", tmp_path / "shot.png"
    page.write_text(interactive_view(values, hemisphere="left", title=TITLE), encoding="utf-8")
    light = "--blink-settings=preferredColorScheme=1"
    console, asked = visit(page, tmp_path, "--window-size=800,1000", f"--screenshot={shot}", light)
    assert console == []
    assert asked == set()
    red, green, blue = np.moveaxis(matplotlib.image.imread(shot)[150:860, :, :3], 2, 0)
    assert (red - blue > 0.3).mean() > 0.005  # the back of the left hemisphere, seen from the left: on the right
    assert np.nonzero(red - blue > 0.3)[1].mean() > 500
    assert ((red == green) & (green == blue) & (red < 0.85)).mean() > 0.05  # grey in front


def test_other_shapes_and_limits_are_refused(values):
    with pytest.raises(InvalidInput, match=r"shape \(10242,\)"):
        interactive_view(values[:N_VERTICES], hemisphere="left", title="x")
    with pytest.raises(InvalidInput, match="a limit is positive"):
        interactive_view(values, hemisphere="left", title="x", limit=0)
    with pytest.raises(InvalidInput, match="no hemisphere 'lh'"):
        interactive_view(values, hemisphere="lh", title="x")
    assert "0.000" not in interactive_view(np.full_like(values, np.nan), hemisphere="left", title="x")


def test_maps_of_the_whole_surface_come_as_one_page_per_map_and_hemisphere(values):
    """Coarser surfaces and other figures have none."""
    maps = xr.Dataset({"value": (("map", "target"), np.stack([values, -values]))}, {"map": ["a", "b"]})
    drawn = figure(maps, "surface_map", "Two maps", "")
    assert [ending for ending, _ in views(drawn)] == ["1-left", "1-right", "2-left", "2-right"]
    (left, page), _ = views(figure(maps.isel(map=0, drop=True), "surface_map", "One", ""))
    assert left == "left"
    assert page.decode() == interactive_view(values, hemisphere="left", title="One - left hemisphere")
    assert not list(views(drawn.isel(target=slice(100))))
    assert not list(views(figure(maps, "heatmap", "Two maps", "")))
