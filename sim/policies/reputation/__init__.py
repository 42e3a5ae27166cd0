"""Rules of reputation: what ratings make of an account's score, one rule to a file.

Whole numbers only. A rule holds no state and reads no ground truth: one view in, one score for each
account out. Rules that live inside the transition run the transition's own code.
"""
