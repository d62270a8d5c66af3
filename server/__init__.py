"""Folkmoot: assemblies in which people decide what they want of artificial intelligence."""

__version__ = "0.1.0"
