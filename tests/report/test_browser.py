"""The page in a real browser: nothing in the console, nothing requested, something to see."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from report_samples import hostile_run, sample, write_run

from consona.report import build_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
# The browser resolves no name, so what it asks for on its own account (updates, the time) goes nowhere.
QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run", "--hide-scrollbars", "--enable-logging=stderr", "--v=0",
         "--host-resolver-rules=MAP * ~NOTFOUND"]  # fmt: skip
OWN = "not an origin"  # who asks, where it is the browser itself or the first load of the page


def visit(page, tmp_path, *more):
    """What the page wrote to the console, and the addresses that it asked for."""
    log = tmp_path / "net.json"
    arguments = [f"--user-data-dir={tmp_path / 'profile'}", f"--log-net-log={log}", *more, page.as_uri()]
    done = subprocess.run([CHROMIUM, *QUIET, *arguments], capture_output=True, text=True, timeout=240, check=True)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    events = [event.get("params", {}) for event in json.loads(log.read_text(encoding="utf-8"))["events"]]
    asked = {event["url"] for event in events if "url" in event and event.get("initiator", OWN) != OWN}
    return console, {url for url in asked if not url.startswith("data:")}


@pytest.fixture
def chromium():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this computer")


@pytest.mark.usefixtures("chromium")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_console_message_no_request_and_a_picture(theme, tmp_path):
    import matplotlib.image

    page, shot = build_report(write_run(tmp_path / "run")), tmp_path / "shot.png"
    scheme = f"--blink-settings=preferredColorScheme={int(theme == 'light')}"
    console, asked = visit(page, tmp_path, "--window-size=1200,2400", f"--screenshot={shot}", scheme)
    assert console == []
    assert asked == set()
    picture = matplotlib.image.imread(shot)[..., :3].mean(axis=-1)
    assert picture.shape == (2400, 1200)
    assert picture.std() > 0.02
    assert (np.median(picture) > 0.5) == (theme == "light")


@pytest.mark.usefixtures("chromium")
def test_a_run_full_of_scripts_runs_none(tmp_path):
    page = build_report(hostile_run(tmp_path / "run"))
    console, asked = visit(page, tmp_path, "--dump-dom")
    assert console == []
    assert asked == set()


@pytest.mark.usefixtures("chromium")
@pytest.mark.parametrize("policy", [True, False])
def test_the_policy_stops_what_slips_in_and_this_test_would_see_it(policy, tmp_path):
    page = build_report(write_run(tmp_path / "run", {}))
    text = page.read_text(encoding="utf-8")
    smuggled = '<script>console.log("ran")</script><img src="http://elsewhere.invalid/x.png">'
    text = text.replace("<footer>", smuggled + "<footer>")
    page.write_text(text if policy else text.replace("Content-Security-Policy", "x"), encoding="utf-8")
    console, asked = visit(page, tmp_path, "--dump-dom")
    refused = [line for line in console if "Content Security Policy" in line]
    assert len(refused) >= 2 if policy else refused == []
    assert any('"ran"' in line for line in console if line not in refused) != policy
    assert asked == (set() if policy else {"http://elsewhere.invalid/x.png"})


MEASURE = """<script>window.onload = () => { const wide = innerWidth; let beyond = 0;
document.querySelectorAll("details").forEach(each => { each.open = true; });
document.querySelectorAll("body *").forEach(each => {
  beyond += each.getBoundingClientRect().right > wide + 1 && !each.closest(".scroll"); });
const moved = [...document.querySelectorAll(".scroll")].filter(each => each.scrollWidth > each.clientWidth);
const hidden = moved.filter(each => getComputedStyle(each).overflowX !== "auto").length;
document.title = [wide, beyond, moved.length, hidden, document.documentElement.scrollWidth].join(" "); };</script>"""


@pytest.mark.usefixtures("chromium")
def test_on_a_narrow_screen_wide_tables_move_in_their_own_box_and_the_page_does_not(tmp_path):
    results = {kind: sample(kind) for kind in ("forest", "hold_outs", "table")}
    page = build_report(write_run(tmp_path / "run", results))
    text = page.read_text(encoding="utf-8").replace("Content-Security-Policy", "x")
    page.write_text(text.replace("</head>", MEASURE + "</head>"), encoding="utf-8")
    arguments = [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=480,900", "--dump-dom", page.as_uri()]
    done = subprocess.run([CHROMIUM, *QUIET, *arguments], capture_output=True, text=True, timeout=240, check=True)
    wide, beyond, moved, hidden, whole = map(int, re.search(r"<title>([\d ]+)</title>", done.stdout)[1].split())
    assert whole == wide <= 500  # as narrow as this browser goes
    assert beyond == hidden == 0
    assert moved >= 2
