"""The version of samframe."""

__version__ = "0.1.0"
