"""What every policy, strategy and rule of reputation must keep to, whoever wrote it."""
