"""Names from recordings are somebody else's text: what of it may reach a terminal."""

from __future__ import annotations


def make_printable(text: str) -> str:
    """The text with every character that is not printable spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
