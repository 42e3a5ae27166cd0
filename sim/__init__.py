"""Ambit: a discrete-event simulator of governance for AI agents."""
