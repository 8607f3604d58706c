"""Data sets of images, in the formats in which they are published.

Which format a source has is told by looking at it. To add one, write its reader and name it in
``formats``.
"""
