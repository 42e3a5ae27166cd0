"""What a replication leaves behind: flat records, logs, digests, files.

Never holds metrics or live references.
"""
