"""What marks the votes of another arena, wherever a table asks for something that its files do not tell."""

from __future__ import annotations

BACKEND = "imported"
"""Back end of an entrant that paints nowhere here."""
COHORT = "imported"
"""Cohort of the raters of another arena."""
POLICY = "imported/1"
"""Pairing policy of its battles: unknown, so their propensity is, too."""
CONSENT = "imported"
"""What stands for a consent that was given, or not, elsewhere."""
NAME = "imported_as"
"""Key of an entrant's identity under which the name of its file stands."""
