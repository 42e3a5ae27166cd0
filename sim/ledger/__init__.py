"""The ledger: one deterministic, compiled state transition over columns of integers.

Holds state, rules, the transition and its invariants. Never holds consensus, randomness,
clocks, ground truth or policy names.

Decision: a transaction is stamped with its height and time before it gets here.
Instead of: one height and one clock for a whole batch.
Because: a gateway decides one call at a time and a chain a block at a time; the same
    compiled loop then serves both, and many small blocks cost one dispatch.
Undo when: a kind needs to know where its block ends.
"""
