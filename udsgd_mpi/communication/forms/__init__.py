"""The forms of W, a file each.

To add one, write its file and register its exchange in ``parallel.exchange_of``.
"""
