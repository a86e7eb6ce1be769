"""Stored results in, one HTML file out: nothing is computed here."""

from consona.report.html import build_report, save_figures

__all__ = ["build_report", "save_figures"]
