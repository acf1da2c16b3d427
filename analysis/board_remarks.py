"""What a board says in words: why a row is provisional, and what the whole board suffers from."""

from __future__ import annotations

import numpy as np

from analysis.clustering import FEW_CLUSTERS
from analysis.connections import Standing
from analysis.estimate import StrengthFit
from analysis.likelihood import DENSE_LIMIT
from analysis.profile import FEW_ONE_WAY, FEW_VOTES


def reason_of(fit: StrengthFit, i: int, standing: Standing, few: bool, votes: int) -> str | None:
    """Say why a row is provisional."""
    remark = fit.remark(i)
    if remark is not None:
        return remark
    group = int(np.count_nonzero(fit.component == fit.component[i]))
    if standing is Standing.UNMET:
        return "no votes" if not votes else "no votes that count"
    if standing is Standing.ABOVE:
        return "undefeated: how far above is open" if group == 1 else (
            f"in a group of {group} that never lost to the others: how far above is open"
        )  # fmt: skip
    if standing is Standing.BELOW:
        return "winless: how far below is open" if group == 1 else (
            f"in a group of {group} that never beat the others: how far below is open"
        )  # fmt: skip
    if standing is Standing.APART:
        return "no chain of wins leads to and from the others"
    if fit.island[i] > 0:
        return "never compared with the main group, directly or through others: a scale of its own"
    if few:
        return (
            f"fewer than {FEW_VOTES} votes that count, fewer than {FEW_ONE_WAY} wins or losses, or hardly"
            " anything but ties"
        )
    return None


def board_warnings(
    fit: StrengthFit,
    standings: tuple[Standing, ...],
) -> tuple[str, ...]:
    """Say what the whole board suffers from."""
    if not fit.n_votes:
        return ("There are no votes yet.",)
    found = []
    met = [i for i, standing in enumerate(standings) if standing is not Standing.UNMET]
    islands = len({int(fit.island[i]) for i in met})
    if islands > 1:
        found.append(
            f"The entrants form {islands} groups that never met: ratings of different groups cannot be"
            " compared, and only the largest is ranked."
        )
    if not any(standing is Standing.CORE for standing in standings):
        found.append("Nobody has both won and lost within a common group: no rating can be estimated yet.")
    for standing, word in ((Standing.ABOVE, "never lost to"), (Standing.BELOW, "never won against")):
        count = sum(1 for i in met if standings[i] is standing)
        if count:
            verb = "has" if count == 1 else "have"
            found.append(
                f"{count} of the entrants {verb} {word} the main group: the rating is open at one end."
            )
    unmet = len(standings) - len(met)
    if unmet:
        found.append(f"{unmet} of the entrants {'has' if unmet == 1 else 'have'} no votes that count.")
    if fit.covariance is None:
        found.append(
            f"With more than {DENSE_LIMIT} entrants intervals hold all other entrants fixed and are too"
            " narrow; rank intervals are not computed."
        )
    if fit.degrees_of_freedom + 1 < FEW_CLUSTERS:
        ways = " or ".join(f"{way}s" for way in fit.clusters)
        found.append(
            f"Few {ways}: they weigh like {fit.degrees_of_freedom + 1:.1f} equally busy ones, and the"
            " intervals are wide for it."
        )
    found += fit.remarks()
    return tuple(found)
