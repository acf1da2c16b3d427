"""The formats in which votes leave the arena, by the names of the command line."""

from __future__ import annotations

VERNISSAGE = "vernissage"
LEADERBOARD = "leaderboard-dataset"

FORMATS = {
    VERNISSAGE: "everything, with seals, boards and checksums: `arena verify` reads it",
    "pickapic": "Pick-a-Pic's columns, pictures as bytes, ties kept",
    "dpo": "the same without ties, for trainers that would take a tie for a win",
    "webdataset": "Pick-a-Pic as WebDataset tar files, without ties",
    "hpdv2": "HPDv2's train.json of decided pairs, and ranked pairs for other splits",
    "genai-bench": "GenAI-Bench's image_generation",
    "clean-battle": "the clean_battle JSON of FastChat and GenAI-Arena",
    "lmarena-55k": "LMArena's train.csv with one-hot winners, pictures beside it",
    "lmarena-140k": "LMArena's conversations with typed content, pictures inside",
    "rapidata": "one row a pair of pictures, votes counted",
    "imagefolder": "pictures in folders, with a metadata.csv of pairs",
    "kohya": "winners in w/, losers in l/, captions beside them",
    LEADERBOARD: "the boards as LMArena publishes them, day by day",
    "csv": "a plain table of votes",
    "jsonl": "the same, a JSON object a line",
}
"""What each format is, in a few words."""
