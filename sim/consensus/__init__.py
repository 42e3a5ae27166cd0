"""Ordering of opaque batch digests. Never holds transaction contents, sending or clocks.

A replica takes a message and gives back effects; whoever hosts it sends, waits and keeps time.
`replica` holds what all protocols share (signatures, the view synchroniser, catching up, ordered
commits), `chained` and `basic` the two ways to drive a view, `rules` what is voted for, locked and
committed, `invariants` the checkers, which share no rule with them.

Decision: replicas are changed in place. Instead of: a fresh state for each message. Because: a
copy a message costs more than all the rest of a decision. Undo when: copies are free.
"""
