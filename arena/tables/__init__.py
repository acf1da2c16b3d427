"""The tables: typed, dumb, and append-only where a promise hangs on it."""

from arena.tables.base import Base
from arena.tables.boards import Rating, RatingRun
from arena.tables.entrants import (
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Prompt,
    PromptSource,
)
from arena.tables.pictures import BlindCopy, Image, Job, JobState
from arena.tables.votes import (
    Battle,
    BattleKind,
    Event,
    Reason,
    Seal,
    SealEntry,
    Tally,
    Vote,
    Voter,
)

__all__ = [
    "Base",
    "Battle",
    "BattleKind",
    "BlindCopy",
    "Campaign",
    "CampaignEntrant",
    "CampaignPrompt",
    "Criterion",
    "Entrant",
    "Event",
    "Image",
    "Job",
    "JobState",
    "Prompt",
    "PromptSource",
    "Rating",
    "RatingRun",
    "Reason",
    "Seal",
    "SealEntry",
    "Tally",
    "Vote",
    "Voter",
]
