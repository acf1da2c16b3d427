"""The tables: typed, dumb, and append-only where a promise hangs on it."""

from arena.tables.base import Base
from arena.tables.boards import BoardRequest, Rating, RatingRun, Study
from arena.tables.entrants import (
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Prompt,
    PromptSource,
    TaggedBy,
)
from arena.tables.keys import ApiKey
from arena.tables.operators import Operator, OperatorLink, OperatorRole, OperatorSession
from arena.tables.pictures import BlindCopy, Image, ImageMeasure, Job, JobState
from arena.tables.sketches import Sketch
from arena.tables.votes import (
    Battle,
    BattleKind,
    Event,
    Reason,
    Removal,
    RemovalKind,
    Seal,
    SealEntry,
    Tally,
    Vote,
    Voter,
)

__all__ = [
    "ApiKey",
    "Base",
    "Battle",
    "BattleKind",
    "BlindCopy",
    "BoardRequest",
    "Campaign",
    "CampaignEntrant",
    "CampaignPrompt",
    "Criterion",
    "Entrant",
    "Event",
    "Image",
    "ImageMeasure",
    "Job",
    "JobState",
    "Operator",
    "OperatorLink",
    "OperatorRole",
    "OperatorSession",
    "Prompt",
    "PromptSource",
    "Rating",
    "RatingRun",
    "Reason",
    "Removal",
    "RemovalKind",
    "Seal",
    "SealEntry",
    "Sketch",
    "Study",
    "TaggedBy",
    "Tally",
    "Vote",
    "Voter",
]
