"""Arrays in, intervals out: the interval of one outcome and of a paired difference.

One replication is one observation: no interval is computed over pooled calls.
Never holds the name of a policy, a file, or a draw.
"""
