"""The forms of W, one file each.

To add one, write its file and register its exchange in ``parallel.exchange_of``.
"""
