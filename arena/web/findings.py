"""The sentence that opens a board, written from its rows; the analysis' remarks in the reader's language.

An entrant leads alone when no other can be first: rank intervals hold for all entrants at once and come from
the differences between entrants, not from the overlap of their intervals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from arena.queries.boards import Board, BoardRow
from arena.services.fitting import LEVEL
from arena.web import words
from arena.web.i18n import gettext, ngettext, noted, percent

_FEW = 3


def finding(board: Board) -> str:
    """What the board says, in one or two sentences; that nothing is known, where nothing is."""
    if not board.votes:
        return gettext("Nothing is known yet: no vote has been counted.")
    ranked = [row for row in board.rows if row.rank is not None or row.rank_low is not None]
    leaders = [row for row in ranked if row.rank_low == 1]
    if not leaders:
        return ngettext(
            "%(num)s vote is counted, and it does not say who leads.",
            "%(num)s votes are counted, and they do not yet say who leads.",
            board.votes,
        )
    if len(ranked) == 1:
        return gettext("%(name)s stands alone: there is nobody to compare it with.", name=leaders[0].name)
    if len(leaders) == 1:
        return gettext(
            "%(name)s leads, and the votes set it apart from every other entrant.", name=leaders[0].name
        )
    if len(leaders) == len(ranked):
        return gettext("The votes cannot yet tell these entrants apart: any of them may be the best.")
    if len(leaders) <= _FEW:
        return gettext("%(names)s lead and cannot yet be told apart.", names=_names(leaders))
    return ngettext(
        "%(num)s entrant may be the best.",
        "%(num)s entrants may be the best, and cannot yet be told apart.",
        len(leaders),
    )


def about(options: Mapping[str, Any]) -> str:
    """What the intervals of a board speak of, by the ways in which its run was clustered."""
    ways = frozenset(options.get("clusters", ()))
    messages = {
        frozenset({"rater", "prompt"}): noted("%(level)s intervals, for other raters and prompts like these"),
        frozenset({"rater"}): noted("%(level)s intervals, for other raters like these and for these prompts"),
        frozenset({"prompt"}): noted("%(level)s intervals, for these raters and other prompts like these"),
    }
    plain = noted("%(level)s intervals, about these pictures and raters")
    told = gettext(messages.get(ways, plain), level=percent(options.get("level", LEVEL)))
    return gettext("%(intervals)s; ranks that hold for all at once", intervals=told)


def _names(rows: Sequence[BoardRow]) -> str:
    names = [row.name for row in rows]
    return gettext("%(first)s and %(last)s", first=", ".join(names[:-1]), last=names[-1])


_REMARKS: tuple[tuple[str, str], ...] = (
    (
        r"(?P<a>[\d,]+) pictures have not been measured yet; .*",
        noted("Style cannot be held equal yet: %(a)s pictures have not been measured. The worker is at it."),
    ),
    (r"no votes|no votes yet|There are no votes yet\.", noted("No votes yet")),
    (r"no votes that count", noted("No votes that count")),
    (
        r"fewer than (?P<a>\d+) votes that count, .*",
        noted("Fewer than %(a)s votes, or nearly all of them alike"),
    ),
    (r"undefeated: .*", noted("Undefeated: how far above is open")),
    (r"winless: .*", noted("Winless: how far below is open")),
    (
        r"in a group of (?P<a>\d+) that never lost .*",
        noted("In a group of %(a)s that never lost to the others: how far above is open"),
    ),
    (
        r"in a group of (?P<a>\d+) that never beat .*",
        noted("In a group of %(a)s that never beat the others: how far below is open"),
    ),
    (r"no chain of wins .*", noted("No chain of wins leads to and from the others")),
    (
        r"never compared with the main group.*",
        noted("Never compared with the main group: its rating is on a scale of its own"),
    ),
    (
        r"The entrants form (?P<a>\d+) groups that never met.*",
        noted(
            "The entrants form %(a)s groups that never met: ratings of different groups cannot be compared, "
            "and only the largest is ranked."
        ),
    ),
    (
        r"Nobody has both won and lost.*",
        noted("Nobody has both won and lost within a common group: no rating can be estimated yet."),
    ),
    (
        r"(?P<a>\d+) of the entrants ha(?:s|ve) never lost to the main group.*",
        noted("Never lost to the main group: %(a)s of the entrants. Their ratings are open at one end."),
    ),
    (
        r"(?P<a>\d+) of the entrants ha(?:s|ve) never won against the main group.*",
        noted("Never won against the main group: %(a)s of the entrants. Their ratings are open at one end."),
    ),
    (
        r"(?P<a>\d+) of the entrants ha(?:s|ve) no votes that count\.",
        noted("Without votes that count: %(a)s of the entrants."),
    ),
    (
        r"With more than (?P<a>\d+) entrants intervals hold.*",
        noted(
            "With more than %(a)s entrants the intervals hold all other entrants fixed and are too narrow; "
            "rank intervals are not computed."
        ),
    ),
    (
        r"Few raters: they weigh like (?P<a>[\d.]+) equally busy ones, .*",
        noted("Few raters: they weigh like %(a)s equally busy ones, and the intervals are wide for it."),
    ),
    (
        r"Few prompts: they weigh like (?P<a>[\d.]+) equally busy ones, .*",
        noted("Few prompts: they weigh like %(a)s equally busy ones, and the intervals are wide for it."),
    ),
    (
        r"Few raters or prompts: they weigh like (?P<a>[\d.]+) equally busy ones, .*",
        noted(
            "Few raters or prompts: they weigh like %(a)s equally busy ones, and the intervals are wide "
            "for it."
        ),
    ),
    (r"Ratings are adjusted for (?P<measures>[\w, ]+)\.", noted("Ratings are adjusted for: %(measures)s.")),
    (
        r"The entrants explain (?P<measures>[\w ]+) wholly.*",
        noted(
            "The entrants explain wholly: %(measures)s. There is no effect to report, and entrants that "
            "differ in it have no rating."
        ),
    ),
    (
        r"its strength cannot be told from the effect of (?P<measures>[\w ]+)",
        noted("Its strength cannot be told from the effect of: %(measures)s"),
    ),
)


def is_known(told: str) -> bool:
    """Whether a remark of the analysis has words in every language."""
    return any(re.fullmatch(pattern, told) for pattern, _ in _REMARKS)


def remark(told: str) -> str:
    """A remark of the analysis in the reader's language; one that is not known stays as it is."""
    for pattern, message in _REMARKS:
        found = re.fullmatch(pattern, told)
        if found:
            said = {
                key: _measures(value) if key == "measures" else value
                for key, value in found.groupdict().items()
            }
            return gettext(message, **said)
    return told


def _measures(told: str) -> str:
    return ", ".join(words.measure(name).lower() for name in re.split(", | and ", told))
