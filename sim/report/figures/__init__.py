"""Figures of a finished result: what each shows as rows, and how the rows are drawn."""

from sim.report.figures.base import FigureData, create_csv
from sim.report.figures.registry import (
    create_css,
    create_figure,
    draw,
    draw_svg,
    list_figures,
    render,
)

__all__ = [
    "FigureData",
    "create_css",
    "create_csv",
    "create_figure",
    "draw",
    "draw_svg",
    "list_figures",
    "render",
]
