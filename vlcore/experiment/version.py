"""The version of the library."""

__version__ = "0.9.0"
