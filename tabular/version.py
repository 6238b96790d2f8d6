"""The version of the toolkit, which every file that it writes records."""

__version__ = "0.1.0"
