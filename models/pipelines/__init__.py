"""Pipelines of other libraries as entrants."""
