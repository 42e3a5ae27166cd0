"""The composition root: wires world, policy, time, order and ledger, and runs one replication.

Never holds statistics or writes files.

Decision: populations act in windows of arrays; reviewers are SimPy processes; queues that every
    call passes are computed in compiled code.
Instead of: one process an agent.
Because: a process loop carries some 0.3 million trivial steps a second, arrays ten times that,
    and no follow-up comes sooner than a window, so nothing inside one depends on another.
Undo when: agents must react within a window.
"""
