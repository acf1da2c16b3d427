"""Every error the arena raises on purpose; each carries data, the edge writes the sentence.

Those of pictures on order (Overloaded, NobodyWaits, NotPainted, CannotLoad, TooSlow) stand in
`arena.services.serving`, those of undo (TooLateToUndo, UndoneEnough) in `arena.services.undoing`.

::

    ArenaError
    ├── SettingsError          500  the environment or the data folder is not usable: what to set
    ├── Invalid                400  the request cannot be read
    │   ├── UnknownOutcome          an answer outside left, right, tie, both_bad
    │   ├── NoPassRate              no share of known answers
    │   ├── InvalidPrompt           empty, too long, with control characters, of an unknown category
    │   └── UnknownReason           a reason tag that is not offered
    ├── Forbidden              403  not from these pages
    ├── NotSignedIn            403  the operator's room, and nobody we know
    ├── ReadOnly               403  the operator may look, and not change
    ├── Embargoed              403  words that an open campaign is dealing
    ├── NotFound               404  no such thing, or not yours
    │   ├── UnknownBattle           no battle of this voter under that key
    │   ├── UnknownCampaign         no campaign of that name
    │   ├── UnknownEntrant          no entrant of that name
    │   ├── UnknownVote             no vote of this voter of that number
    │   ├── UnknownLink             no such link into the operator's room
    │   ├── UnknownOperator         no operator of that name
    │   ├── UnknownKey              no key of the images API of that name
    │   ├── NotOnShow               no such battle, or not with names yet
    │   └── UnknownPicture          no such picture, or its time is over
    ├── Conflict               409  true once, not any more
    │   ├── AlreadyVoted            the battle has this voter's vote
    │   ├── NotVotedYet             the reveal and the reasons come after the vote
    │   ├── CampaignClosed          no more votes are taken
    │   └── NameTaken               a campaign or an entrant of that name exists with other content
    ├── NoPictures             409  style can never be held equal: votes came without their pictures
    ├── TooManyWaiting         429  enough sketches of this voter wait already
    ├── BattleExpired          410  the pair was dealt too long ago
    ├── SpentLink              410  the link was used, or has expired
    ├── CorruptImage           500  the stored bytes do not match their digest
    ├── Overloaded             429  as much waits for the images API as may wait
    ├── NobodyWaits            499  whoever asked the images API has gone
    ├── NotPainted             500  the entrant broke while painting
    ├── NewerDatabase          503  the database was written by a newer version
    ├── OutdatedDatabase       503  the database needs `arena init` or `arena upgrade`
    ├── NotMeasured            503  style cannot be held equal before the pictures are measured
    ├── CannotLoad             503  the entrant cannot be made ready on this machine
    ├── TooSlow                504  no picture within the time that a request may take
    └── Unavailable            503  cannot be kept right now: full disk, locked database
"""

from __future__ import annotations


class ArenaError(Exception):
    """Base of every error the arena raises on purpose.

    ``status`` is the HTTP status of the page that tells it, ``code`` the stable word for programs.
    """

    status = 500
    code = "error"


class SettingsError(ArenaError):
    """The environment or the data folder is not usable."""

    code = "settings"


class Invalid(ArenaError):
    """The request cannot be read."""

    status = 400
    code = "invalid"


class UnknownOutcome(Invalid):
    """An answer outside left, right, tie, both_bad."""

    code = "unknown_outcome"

    def __init__(self, given: str | None) -> None:
        super().__init__(f"{given!r} is no outcome; one of left, right, tie, both_bad is")
        self.given = given


class NoPassRate(Invalid):
    """What was given is no share of known answers."""

    code = "no_pass_rate"

    def __init__(self, given: str) -> None:
        super().__init__(f"a pass rate is a share above 0 and up to 1, such as 0.6, not {given[:40]!r}")
        self.given = given


class InvalidPrompt(Invalid):
    """A prompt or a category that cannot be taken; ``reason`` is a word for programs, such as too_long."""

    code = "invalid_prompt"

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class UnknownReason(Invalid):
    """A reason tag that is not offered."""

    code = "unknown_reason"

    def __init__(self, tag: str) -> None:
        super().__init__(f"{tag!r} is not one of the reasons offered")
        self.tag = tag


class Forbidden(ArenaError):
    """A request that did not come from the arena's own pages."""

    status = 403
    code = "forbidden"


class NotSignedIn(ArenaError):
    """The operator's room was asked for by nobody we know."""

    status = 403
    code = "not_signed_in"

    def __init__(self) -> None:
        super().__init__("the operator's room opens with a link; `arena operators link NAME` prints one")


class ReadOnly(ArenaError):
    """The operator may look, and not change."""

    status = 403
    code = "read_only"

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is an analyst, who may look but not change; nothing was changed")
        self.name = name


class Embargoed(ArenaError):
    """Words that an open campaign is dealing: a picture of them by name could unmask its pairs."""

    status = 403
    code = "embargoed"

    def __init__(self, prompt: str) -> None:
        super().__init__("a campaign is dealing these words; ask for them again when it has closed")
        self.prompt = prompt


class TooManyWaiting(ArenaError):
    """Enough sketches wait already."""

    status = 429
    code = "too_many_waiting"

    def __init__(self, mine: int) -> None:
        super().__init__(f"{mine} of your sketches still wait; ask for another when one is painted")
        self.mine = mine


class NotFound(ArenaError):
    """No such thing, or it is not yours."""

    status = 404
    code = "not_found"


class UnknownBattle(NotFound):
    """No battle of this voter under that key."""

    code = "unknown_battle"

    def __init__(self, key: str) -> None:
        super().__init__(f"there is no battle {key!r} for you")
        self.key = key


class UnknownCampaign(NotFound):
    """No campaign of that name."""

    code = "unknown_campaign"

    def __init__(self, slug: str, known: tuple[str, ...] = ()) -> None:
        names = ", ".join(known) or "none yet"
        super().__init__(f"no campaign is called {slug!r}; there is: {names}")
        self.slug = slug
        self.known = known


class UnknownEntrant(NotFound):
    """No entrant of that name."""

    code = "unknown_entrant"

    def __init__(self, slug: str, known: tuple[str, ...] = ()) -> None:
        names = ", ".join(known) or "none yet"
        super().__init__(f"no entrant is called {slug!r}; there is: {names}")
        self.slug = slug
        self.known = known


class UnknownVote(NotFound):
    """No vote of that number, or somebody else cast it."""

    code = "unknown_vote"

    def __init__(self, number: int) -> None:
        super().__init__(f"there is no vote {number} of yours")
        self.number = number


class UnknownKey(NotFound):
    """No key of the images API of that name."""

    code = "unknown_key"

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        names = ", ".join(known) or "none yet"
        super().__init__(f"no key is called {name!r}; there is: {names}")
        self.name = name
        self.known = known


class UnknownLink(NotFound):
    """No such link into the operator's room."""

    code = "unknown_link"

    def __init__(self) -> None:
        super().__init__("this link opens nothing; `arena operators link NAME` prints a new one")


class UnknownOperator(NotFound):
    """No operator of that name."""

    code = "unknown_operator"

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        names = ", ".join(known) or "none yet"
        super().__init__(f"no operator is called {name!r}; there is: {names}")
        self.name = name
        self.known = known


class NotOnShow(NotFound):
    """No battle of that number, or none that may be shown with names yet."""

    code = "not_on_show"


class UnknownPicture(NotFound):
    """No such picture for this voter, or its time is over."""

    code = "unknown_picture"


class Conflict(ArenaError):
    """True once, not any more."""

    status = 409
    code = "conflict"


class AlreadyVoted(Conflict):
    """The battle already has this voter's vote; the first one counts."""

    code = "already_voted"

    def __init__(self, key: str) -> None:
        super().__init__(f"battle {key} already has your vote")
        self.key = key


class NotVotedYet(Conflict):
    """Reasons and the reveal come after the vote."""

    code = "not_voted_yet"

    def __init__(self, key: str) -> None:
        super().__init__(f"battle {key} has no vote yet")
        self.key = key


class CampaignClosed(Conflict):
    """The campaign takes no more votes."""

    code = "campaign_closed"

    def __init__(self, slug: str) -> None:
        super().__init__(f"campaign {slug!r} is closed")
        self.slug = slug


class NameTaken(Conflict):
    """A campaign or an entrant of that name exists with other content."""

    code = "name_taken"


class BattleExpired(ArenaError):
    """The pair was dealt too long ago; nothing was counted."""

    status = 410
    code = "battle_expired"

    def __init__(self, key: str) -> None:
        super().__init__(f"battle {key} has expired; nothing was counted")
        self.key = key


class SpentLink(ArenaError):
    """The link into the operator's room was used, or has expired."""

    status = 410
    code = "spent_link"

    def __init__(self) -> None:
        super().__init__(
            "this link was used, has expired or was replaced; `arena operators link NAME` prints a new one"
        )


class CorruptImage(ArenaError):
    """The stored bytes do not match their digest."""

    code = "corrupt_image"

    def __init__(self, digest: str) -> None:
        super().__init__(f"picture {digest[:12]} is damaged on disk; restore the file from a backup")
        self.digest = digest


class NewerDatabase(ArenaError):
    """The database was written by a newer version of the arena; this one reads on, and writes nothing."""

    status = 503
    code = "newer_database"

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"the database is at revision {revision}, which this version does not know; "
            "install the version that wrote it, or restore an older backup"
        )
        self.revision = revision


class OutdatedDatabase(ArenaError):
    """The database is older than the code, or empty."""

    status = 503
    code = "outdated_database"

    def __init__(self, revision: str | None) -> None:
        state, way = (f"at revision {revision}", "upgrade") if revision else ("empty", "init")
        super().__init__(f"the database is {state}; run `arena {way}` to bring it up to date")
        self.revision = revision


class Unavailable(ArenaError):
    """It cannot be kept right now; nothing was lost, and it may be sent again."""

    status = 503
    code = "unavailable"


class NotMeasured(ArenaError):
    """Style cannot be held equal yet: ``pictures`` that were voted on have not been measured."""

    status = 503
    code = "not_measured"

    def __init__(self, pictures: int) -> None:
        super().__init__(
            f"{pictures:,} pictures have not been measured yet; the worker does, or `arena measure`"
        )
        self.pictures = pictures


class NoPictures(ArenaError):
    """Style can never be held equal: so many ``votes`` came from another arena without their pictures."""

    status = 409
    code = "no_pictures"

    def __init__(self, votes: int) -> None:
        super().__init__(
            f"{votes:,} votes came from another arena without their pictures; leave style as it is"
        )
        self.votes = votes
