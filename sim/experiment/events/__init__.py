"""Rare events that `sim rare` estimates: what each is, and what its chance is exactly."""
