"""Outcomes: numbers measured from records, never from live objects.

Each is a fold over the chunks of a trace: the sums of two chunks add up, so live, from disk and
merged chunks give the same numbers.
"""
