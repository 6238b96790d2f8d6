"""Importers of published benchmarks, one file a format."""
