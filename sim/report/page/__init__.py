"""The page people open: one HTML file that needs no network and nothing beside it."""

from sim.report.page.render import create_page

__all__ = ["create_page"]
