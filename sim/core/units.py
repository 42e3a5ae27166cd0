"""Scales of the integers that are stored: shares, amounts, times."""

PPM = 1_000_000  # whole parts per million: rates, shares, scores
SUPPLY_MAX = 2**62  # base units; no amount ever exceeds it
US_PER_S = 1_000_000  # stored time is integer microseconds
