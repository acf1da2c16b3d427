"""Votes of other arenas: read in their formats, looked through, and kept all at once."""
