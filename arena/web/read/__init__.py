"""The read API: what is public of an arena, for programs."""
