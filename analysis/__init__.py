"""Statistics of pairwise comparisons: fits, intervals, ranks, and what votes cannot say.

Begin with `Comparisons.from_frame`, then `fit_bradley_terry`, then `leaderboard`:

>>> import pandas as pd
>>> from analysis import Comparisons, fit_bradley_terry, leaderboard
>>> votes = pd.DataFrame({"left": ["a", "b"], "right": ["b", "a"], "outcome": ["left", "left"]})
>>> board = leaderboard(fit_bradley_terry(Comparisons.from_frame(votes)))
>>> [(row.entrant, row.rating) for row in board.rows]
[('a', 1000.0), ('b', 1000.0)]
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
"""What ``__init__.pyi`` names, loaded when it is first asked for: most callers need no SciPy."""
