"""What a person writes: the schema of a scenario, and the strict reader of its file."""
