"""Strategies: how agents behave, one behaviour to a file, a whole cohort at a time.

A strategy sees its observation and its keyed draws, nothing else. Retrying after a refusal is
not its business: that is drawn alike for every strategy and policy.
"""
