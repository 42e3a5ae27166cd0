"""Recorded calls of agents, read strictly and turned into arrays of integers.

`load_recording` reads calls.jsonl v1 with its companions and interns every name into a
`Recording`; `compute_grants` says what each run would have been granted under a scope. The formats
are calls.schema.json and tasks.schema.json beside this file.

A file is used whole or refused at its first bad line with `InputError`; nothing is skipped.
Never holds a verdict: what a policy allows is decided where policies live.
"""
