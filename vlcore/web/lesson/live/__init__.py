"""Lessons that are more than questions, a module each with ``NAME``, ``LESSON`` (its card), and the
views ``alone``, ``presenter`` and ``student``."""
