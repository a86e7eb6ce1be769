"""The colours of the report: one name, one ink for paper, one for a dark screen.

Figures are drawn in the paper inks; on the page each ink becomes a CSS variable, so the same drawing reads in both
themes.
"""

from collections.abc import Sequence

INK, MUTED, RULE, BAND, PAPER = "#1d2329", "#5b6670", "#cfd5da", "#e4e8ec", "#fdfdfc"

NEUTRALS: dict[str, tuple[str, str]] = {
    "ink": (INK, "#e9ecef"),
    "muted": (MUTED, "#9fa9b3"),
    "rule": (RULE, "#3d464f"),
    "band": (BAND, "#2e363e"),
    "paper": (PAPER, "#14181c"),
}

# Negative classes are cool, positive ones warm, neutral grey: families that every common colour blindness keeps apart.
# Within a family the classes differ in lightness and, where points are drawn, in marker.
CLASSES: dict[str, tuple[str, str, str]] = {
    "anger": ("#3b2f7f", "#9a8ff0", "o"),
    "disgust": ("#2763b5", "#6ba3f2", "s"),
    "fear": ("#1886a8", "#4fc0e0", "^"),
    "sadness": ("#5f9fd0", "#a9d4f5", "D"),
    "neutral": ("#7d858d", "#a4acb4", "X"),
    "amusement": ("#d99a00", "#f2c14a", "o"),
    "inspiration": ("#e0731d", "#f59a55", "s"),
    "joy": ("#c43c39", "#f27a70", "^"),
    "tenderness": ("#8c2f5e", "#dd86b3", "D"),
}

SERIES: tuple[tuple[str, str], ...] = (
    ("#2a5c9e", "#7fb0ee"),
    ("#c4502b", "#f08a66"),
    ("#23815f", "#62c29c"),
    ("#b8860f", "#e3b94f"),
    ("#7a4a9c", "#bd93dc"),
    ("#4f5b66", "#b3bdc6"),
)

MARKERS = "os^D"


def themed() -> dict[str, tuple[str, str]]:
    """Every ink of the figures by CSS name: ``{name: (on paper, on a dark screen)}``."""
    classes = {f"class-{name}": (light, dark) for name, (light, dark, _) in CLASSES.items()}
    series = {f"series-{i}": pair for i, pair in enumerate(SERIES)}
    return NEUTRALS | classes | series


def series_colour(i: int) -> str:
    """The ink of the i-th line of a figure; begins again after the last."""
    return SERIES[i % len(SERIES)][0]


def class_styles(labels: Sequence[str], valence_codes: Sequence[float] | None = None) -> dict[str, tuple[str, str]]:
    """Colour and marker of every emotion class among the labels (one label and valence code per stimulus or class).

    A class of the nine has its own; others take those of their valence's family in turn (negative cool, positive warm,
    neutral grey), or of the series of all colours where no valence is given.
    """
    if valence_codes is None:
        others = [name for name in dict.fromkeys(labels) if name.strip().lower() not in CLASSES]
        known = class_styles([name for name in labels if name not in others], [0.0] * (len(labels) - len(others)))
        return known | {name: (series_colour(i), MARKERS[i % len(MARKERS)]) for i, name in enumerate(others)}
    names = list(CLASSES)
    styles: dict[str, tuple[str, str]] = {}
    for label, code in zip(labels, valence_codes, strict=True):
        family = names[:4] if code < 0 else names[5:] if code > 0 else names[4:5]
        key = label.strip().lower()
        colour, _, marker = CLASSES[key if key in CLASSES else family[len(styles) % len(family)]]
        styles.setdefault(label, (colour, marker))
    return styles


def in_class_order(labels: Sequence[str]) -> list[str]:
    """The different labels, those of the nine classes in the order of FACED first, the rest as they come."""
    found = dict.fromkeys(labels)
    rank = {name: i for i, name in enumerate(CLASSES)}
    return sorted(found, key=lambda name: rank.get(name.strip().lower(), len(rank)))
