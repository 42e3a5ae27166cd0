"""Experiments: scenario x policy x replication, comparison and storage. Never draws figures."""
