"""Ordering of opaque batch digests. Never holds transaction contents, sending or clocks."""
