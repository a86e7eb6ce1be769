"""A result that says how it is drawn: kind, title and caption travel with the numbers."""

import re

import xarray as xr


def figure(data: xr.Dataset, kind: str, title: str, caption: str, **more: str | float | int) -> xr.Dataset:
    """The same data with the kind of figure, its title, its caption and what else the drawing needs."""
    attrs = {**data.attrs, "figure": kind, "title": title, "caption": typeset(caption), **more}
    return data.assign_attrs(attrs)


def typeset(text: str) -> str:
    """Hyphens before digits become minus signs."""
    return re.sub(r"(?<![\w.])-(?=[\d.])", "\N{MINUS SIGN}", text)
