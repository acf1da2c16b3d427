"""Vernissage: a self-hosted human-preference arena for text-to-image models."""

__version__ = "0.1.0"
