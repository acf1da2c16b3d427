"""The pages of one sentence, by the code of what happened; `arena.web.errors` shows them."""

from __future__ import annotations

from dataclasses import dataclass

from arena.web.i18n import noted


@dataclass(frozen=True, slots=True)
class State:
    """A page of one sentence: a line icon, a title, what happened, and one way on.

    ``way`` is an endpoint, or ``battle`` for the pair that the request was about, or ``again`` for this page.
    """

    icon: str
    title: str
    text: str
    label: str
    way: str


_NEXT = noted("Next pair")
_BACK = noted("Back to the pair")
_AGAIN = noted("Try again")
_HOME = noted("To the entrance")
_OTHER_VERSION = State(
    "clock",
    noted("The house is being brought up to date"),
    noted(
        "Another version of it has taken over the books. Nothing was counted and nothing was lost. "
        "Send it again in a minute."
    ),
    _AGAIN,
    "again",
)
BROKEN = State(
    "fault", noted("Something broke on our side"), noted("No vote was lost."), noted("Reload"), "again"
)
_NO_LINK = State(
    "closed",
    noted("This link opens nothing"),
    noted(
        "It was used, has expired or was replaced, or it never was. "
        "On the server, “arena operators link NAME” prints a new one."
    ),
    _HOME,
    "home",
)
STATES: dict[str, State] = {
    "already_voted": State(
        "tick",
        noted("This pair has your vote"),
        noted("The first answer counts, and it is safe. This one changed nothing."),
        noted("Go on"),
        "battle",
    ),
    "too_late_to_undo": State(
        "tick",
        noted("This answer stands"),
        noted("You have gone on from here, so it is not undone. You can withdraw it among your votes."),
        noted("Go on"),
        "battle",
    ),
    "undone_enough": State(
        "tick",
        noted("That was undone often enough"),
        noted("The last answer stands, and it is safe."),
        noted("Go on"),
        "battle",
    ),
    "unknown_outcome": State(
        "fault",
        noted("That is not one of the answers"),
        noted("Nothing was counted. The pair is still hanging, and waits for you."),
        _BACK,
        "battle",
    ),
    "no_pass_rate": State(
        "fault",
        noted("That is no share of known answers"),
        noted("Give a number above 0 and up to 1, such as 0.6, or leave it empty for every rater."),
        noted("Back to the data"),
        "catalogue.data",
    ),
    "unknown_reason": State(
        "fault",
        noted("That reason is not on offer"),
        noted("Your vote is safe. The reason was not kept."),
        _BACK,
        "battle",
    ),
    "not_voted_yet": State(
        "square",
        noted("The answer comes first"),
        noted("Reasons and names are for after the vote, so that the names cannot sway it."),
        _BACK,
        "battle",
    ),
    "battle_expired": State(
        "clock",
        noted("This pair has come down"),
        noted("It hung too long without an answer. Nothing was counted, and your other votes are safe."),
        _NEXT,
        "battles.deal",
    ),
    "unknown_battle": State(
        "square",
        noted("There is no such pair for you"),
        noted("It does not exist, or it was dealt to somebody else. Your votes are safe."),
        _NEXT,
        "battles.deal",
    ),
    "unknown_vote": State(
        "square",
        noted("There is no such vote of yours"),
        noted("It does not exist, or somebody else cast it. Nothing was changed."),
        noted("To your votes"),
        "my_votes.show",
    ),
    "unknown_picture": State(
        "picture",
        noted("This picture is not on show"),
        noted("It was never here, or its time is over. Your votes are safe."),
        _NEXT,
        "battles.deal",
    ),
    "not_on_show": State(
        "square",
        noted("This battle is not on show"),
        noted("There is none of that number, or its prompt is still dealt: names come later."),
        noted("To the battles on show"),
        "explorer.battles",
    ),
    "unknown_campaign": State(
        "square",
        noted("There is no such show"),
        noted("No campaign has that name. Your votes are safe."),
        noted("See the leaderboard"),
        "boards.leaderboard",
    ),
    "unknown_entrant": State(
        "square",
        noted("There is no such entrant"),
        noted("Nobody has entered under that name."),
        noted("See who has entered"),
        "catalogue.entrants",
    ),
    "embargoed": State(
        "closed",
        noted("These words hang in a show"),
        noted(
            "A campaign is dealing them, and a picture by name could unmask its pairs. "
            "Other words are welcome."
        ),
        noted("Back to the playground"),
        "playground.form",
    ),
    "words_declined": State(
        "slash",
        noted("These words are not painted here"),
        noted("They were not kept. Other words are welcome."),
        noted("Back to the playground"),
        "playground.form",
    ),
    "held_back": State(
        "closed",
        noted("This release is held back"),
        noted(
            "A campaign is dealing its prompts, and its names could unmask pairs. It opens when that closes."
        ),
        noted("To the data"),
        "catalogue.data",
    ),
    "too_many_waiting": State(
        "clock",
        noted("Enough sketches are waiting"),
        noted("Ask for another when one of them is painted."),
        noted("Back to the playground"),
        "playground.form",
    ),
    "campaign_closed": State(
        "closed",
        noted("This show has closed"),
        noted("It takes no more votes. The results stay up, and your votes are in them."),
        noted("See the leaderboard"),
        "boards.leaderboard",
    ),
    "unknown_invite": State(
        "square",
        noted("There is no such invitation"),
        noted("The address may have lost a piece on its way. Ask whoever sent it for the whole one."),
        _HOME,
        "home",
    ),
    "spent_invite": State(
        "closed",
        noted("This invitation is over"),
        noted("It was used up, has expired or was taken back. Ask whoever sent it for another."),
        _HOME,
        "home",
    ),
    "not_invited": State(
        "closed",
        noted("This show is by invitation"),
        noted("Open the link that you were sent; it lets you in. Your votes elsewhere are safe."),
        _HOME,
        "home",
    ),
    "enough_votes": State(
        "tick",
        noted("That was the last pair for you"),
        noted("This show takes so many votes of one person, and it has yours, all safe. Thank you."),
        noted("To your votes"),
        "my_votes.show",
    ),
    "board_hidden": State(
        "closed",
        noted("This board is still covered"),
        noted("It is seen when the show closes, so that nobody votes by it. Every vote counts meanwhile."),
        _HOME,
        "home",
    ),
    "board_raters": State(
        "closed",
        noted("This board is for those who voted"),
        noted("Vote in this show and come back, or wait until it closes: then everybody sees it."),
        noted("Vote"),
        "battles.deal",
    ),
    "board_delayed": State(
        "closed",
        noted("This is published later"),
        noted(
            "What the votes of this show say is told some hours after them. "
            "Its leaderboard is as it was then."
        ),
        _HOME,
        "home",
    ),
    "board_staff": State(
        "closed",
        noted("This board stays in the house"),
        noted("Its operators and staff see it. Boards of other shows are open to everybody."),
        _HOME,
        "home",
    ),
    "plan_fixed": State(
        "slash",
        noted("People have voted under this plan"),
        noted("Its name, its end, its cap and how it is guarded may still change. Nothing was changed."),
        noted("Back to the operator’s room"),
        "admin.home",
    ),
    "registered": State(
        "slash",
        noted("This plan was registered"),
        noted(
            "It stays as published, but for its name, end and cap and how it is guarded. Nothing was changed."
        ),
        noted("Back to the operator’s room"),
        "admin.home",
    ),
    "corrupt_image": State(
        "picture",
        noted("A picture is damaged"),
        noted("It no longer matches its fingerprint, so it is not shown. No vote was lost."),
        _NEXT,
        "battles.deal",
    ),
    "not_signed_in": State(
        "closed",
        noted("The operator’s room is closed"),
        noted(
            "It opens with a link, once, or when you sign in. "
            "On the server, “arena operators link NAME” prints a link."
        ),
        noted("Sign in"),
        "admin.sign_in",
    ),
    "read_only": State(
        "slash",
        noted("You may look, not change"),
        noted("You are here as an analyst. Nothing was changed."),
        noted("Back to the operator’s room"),
        "admin.home",
    ),
    "unknown_link": _NO_LINK,
    "spent_link": _NO_LINK,
    "unavailable": State(
        "clock",
        noted("We cannot keep it right now"),
        noted("Nothing was counted and nothing was lost. Send it again in a moment."),
        _AGAIN,
        "again",
    ),
    "newer_database": _OTHER_VERSION,
    "outdated_database": _OTHER_VERSION,
    "forbidden": State(
        "slash",
        noted("Not from over there"),
        noted("The request came from another site. Nothing was changed, and your votes are safe."),
        _HOME,
        "home",
    ),
    "invalid": State(
        "fault",
        noted("We cannot read that"),
        noted("Nothing was counted or changed. Your votes are safe."),
        _AGAIN,
        "again",
    ),
    "not_found": State(
        "square",
        noted("Nothing hangs here"),
        noted("There is no page at this address."),
        _HOME,
        "home",
    ),
    "method_not_allowed": State(
        "slash",
        noted("Not this way"),
        noted("The address exists, but not for this kind of request. Nothing was changed."),
        _HOME,
        "home",
    ),
    "too_large": State(
        "slash",
        noted("That is too much at once"),
        noted("A request may hold 64 kB. Nothing was counted or changed."),
        _AGAIN,
        "again",
    ),
    "too_often": State(
        "clock",
        noted("That was very fast"),
        noted("More came from here within a minute than anybody clicks. Nothing was counted; wait a little."),
        _AGAIN,
        "again",
    ),
    "error": BROKEN,
}
