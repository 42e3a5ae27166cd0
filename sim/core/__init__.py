"""What every room shares: records, reasons, arithmetic, draws, trees, keys and errors.

Never holds defaults or the rules of an account.
"""
