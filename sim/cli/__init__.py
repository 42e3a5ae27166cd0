"""The command line: dispatch, progress, exit codes. Never logic."""
