"""Policies: the lever under test, one lever to a file, compiled to the ledger's rules.

A policy is data. It holds no state, reads no ground truth and knows no other policy.
"""
