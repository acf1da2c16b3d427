"""The tables: typed, dumb, and append-only where a promise hangs on it."""

from arena.tables.base import Base
from arena.tables.boards import BoardRequest, Rating, RatingRun, Study
from arena.tables.entrants import (
    Audience,
    BoardReaders,
    Campaign,
    CampaignEntrant,
    CampaignPrompt,
    Criterion,
    Entrant,
    Prompt,
    PromptSource,
    RevealPolicy,
    TaggedBy,
)
from arena.tables.integrity import IntegrityFlag
from arena.tables.invites import Invite, InviteUse, Recovery
from arena.tables.keys import ApiKey
from arena.tables.logins import OperatorIdentity, OperatorLogin, OperatorRecovery
from arena.tables.looks import CampaignLook
from arena.tables.operators import Operator, OperatorLink, OperatorRole, OperatorSession
from arena.tables.pictures import BlindCopy, Image, ImageMeasure, Job, JobState
from arena.tables.remarks import PictureSide, Point, Report, ReportKind, Verdict
from arena.tables.sketches import Sketch
from arena.tables.submissions import SafetyVerdict, SubjectKind, Submission, SubmissionState
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
    "Audience",
    "Base",
    "Battle",
    "BattleKind",
    "BlindCopy",
    "BoardReaders",
    "BoardRequest",
    "Campaign",
    "CampaignEntrant",
    "CampaignLook",
    "CampaignPrompt",
    "Criterion",
    "Entrant",
    "Event",
    "Image",
    "ImageMeasure",
    "IntegrityFlag",
    "Invite",
    "InviteUse",
    "Job",
    "JobState",
    "Operator",
    "OperatorIdentity",
    "OperatorLink",
    "OperatorLogin",
    "OperatorRecovery",
    "OperatorRole",
    "OperatorSession",
    "PictureSide",
    "Point",
    "Prompt",
    "PromptSource",
    "Rating",
    "RatingRun",
    "Reason",
    "Recovery",
    "Removal",
    "RemovalKind",
    "Report",
    "ReportKind",
    "RevealPolicy",
    "SafetyVerdict",
    "Seal",
    "SealEntry",
    "Sketch",
    "Study",
    "SubjectKind",
    "Submission",
    "SubmissionState",
    "TaggedBy",
    "Tally",
    "Verdict",
    "Vote",
    "Voter",
]
