"""The words of the method page: what each parameter, version and measured arena is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from arena.domain.integrity import RULES as INTEGRITY_RULES
from arena.domain.quality import RULES
from arena.services import method
from arena.services.dealing import POLICIES
from arena.services.method import Runs
from arena.web.context import arena
from arena.web.i18n import decimal, gettext, noted, number, percent

SETTINGS: Final[Mapping[str, str]] = {
    "pictures_last": noted("Minutes that a picture's address lasts after the vote"),
    "uniform_share": noted("Share of the policy “informative” that is even over all pairs"),
    "prior_precision": noted("Precision of the prior of strengths that it plans with, in nats⁻²"),
    "checks_share": noted("Share of battles that check raters, where a campaign says nothing else"),
    "battles_between": noted("Battles before a pair comes again, and before a rater is checked at all"),
    "too_fast_ms": noted("An answer sooner than this many milliseconds is too fast"),
    "points_per_nat": noted("Points of a nat"),
    "centre": noted("Mean rating"),
    "level": noted("Level of intervals, and of all ranks of a board at once"),
    "least_clusters": noted("Fewer raters, or prompts, tell nothing of others"),
    "few_clusters": noted("Fewer equally busy raters, or prompts, are told as few"),
    "few_votes": noted("Provisional: fewer votes than this"),
    "few_one_way": noted("Provisional: fewer wins or fewer losses than this"),
    "few_decisive": noted("Provisional: fewer votes than this that are no ties"),
    "rank_draws": noted("Simulated maxima behind the ranks"),
    "dense_limit": noted("Entrants above which a board has no ranks and holds all others fixed"),
    "board_rest": noted("A board rests this many times as long as its fit took"),
    "seal_seconds": noted("Seconds between two seals, about"),
    "seal_type": noted("Form of a sealed vote"),
    "consent": noted("Version of the text that voters agree to"),
}
VERSIONS: Final[Mapping[str, str]] = {
    "bt-1.0.0": noted(
        "Maximum likelihood of Bradley and Terry, a tie as half a win to each. Sandwich intervals take every "
        "vote as independent and speak of these raters and prompts."
    ),
    "bt-1.1.0": noted(
        "The same ratings. Intervals and ranks let votes of one rater, and votes on one prompt, depend on "
        "each other, with Student’s t by effective clusters: they speak of other raters and prompts."
    ),
    "davidson-1.0.0": noted("Ties with a probability of their own."),
    "contextual-1.0.0": noted("The style of the pictures held equal."),
    "elo-1.0.0": noted("Vote by vote, beside the ratings; ranks nobody."),
}
METHODS: Final[Mapping[str, str]] = {
    "bradley-terry": noted("Bradley–Terry"),
    "davidson": noted("Davidson"),
    "contextual": noted("Bradley–Terry with style"),
    "elo": noted("Online Elo"),
}
ARENAS: Final[Mapping[str, str]] = {
    "tastes": noted("60 raters and 60 prompts with tastes of their own"),
    "12-raters": noted("12 raters, 48 prompts"),
    "12-unequal-raters": noted("12 raters, the k-th with 1/k of the first one’s votes"),
    "4-raters": noted("4 raters, 48 prompts"),
    "independent": noted("Independent votes"),
    "newcomer": noted("A newcomer with 5 to 20 votes"),
}
RANKED: Final[Mapping[str, str]] = {
    "1000-votes": noted("1,000 independent votes"),
    "3000-votes": noted("3,000 independent votes"),
    "30000-votes": noted("30,000 independent votes"),
    "60-raters": noted("60 raters with tastes of their own"),
    "12-raters": noted("12 raters with tastes of their own"),
}
INTERVALS: Final[Mapping[str, str]] = {
    "two-way": noted("clustered by rater and prompt"),
    "profile": noted("profile of the likelihood"),
    "plain": noted("plain sandwich"),
    "by-rater": noted("clustered by rater alone"),
    "by-prompt": noted("clustered by prompt alone"),
    "bootstrap-t": noted("cluster bootstrap-t"),
    "fixed-df": noted("with 12 − 1 degrees of freedom"),
    "hessian": noted("inverse Hessian"),
    "bootstrap": noted("bootstrap of votes"),
}
_SHARES: Final = frozenset({"uniform_share", "level", "checks_share"})
_DECIMALS: Final[Mapping[str, int]] = {"prior_precision": 2, "points_per_nat": 1}


@dataclass(frozen=True, slots=True)
class Row:
    """A parameter as the page prints it; ``code`` is the name of its constant."""

    meaning: str
    value: str
    code: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version, what it changed, and its runs here; null where it has none."""

    method: str
    version: str
    since: date
    change: str
    in_force: bool
    runs: Runs | None


def context(session: Session) -> dict[str, Any]:
    """All that `method.html` needs."""
    return {
        "told": {name: setting.value for name, setting in method.SETTINGS.items()},
        "ten_to_one": method.TEN_TO_ONE,
        "settings": settings(),
        "policies": list(POLICIES.values()),
        "quality_rules": list(RULES.values()),
        "integrity_rules": list(INTEGRITY_RULES.values()),
        "campaigns": method.campaign_rules(session),
        "versions": versions(arena().runs.of(session)),
        "method_version": method.IN_FORCE["bradley-terry"],
        "measured": method,
        "say": say,
        "arenas": ARENAS,
        "ranked": RANKED,
        "intervals": INTERVALS,
    }


def settings() -> list[Row]:
    """Every parameter in force, in the order of the sections."""
    return [
        Row(gettext(SETTINGS[name]), write(name, setting.value), setting.source)
        for name, setting in method.SETTINGS.items()
    ]


def write(name: str, value: float | timedelta | str) -> str:
    """A parameter as people read it."""
    if isinstance(value, str):
        return value
    if isinstance(value, timedelta):
        return number(value.total_seconds() / 60)
    if name in _SHARES:
        return percent(value)
    return decimal(value, _DECIMALS[name]) if name in _DECIMALS else number(value)


def versions(runs: Mapping[str, Runs]) -> list[VersionRow]:
    """Every version there has been, with its runs."""
    return [
        VersionRow(
            method=gettext(METHODS[one.method]),
            version=one.version,
            since=one.since,
            change=gettext(VERSIONS[one.version]),
            in_force=method.IN_FORCE[one.method] == one.version,
            runs=runs.get(one.version),
        )
        for one in method.VERSIONS
    ]


def say(words: Mapping[str, str], name: str) -> str:
    """The words of a name in the reader's language."""
    return gettext(words[name])
