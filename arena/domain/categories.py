"""What a prompt asks to see: sixteen categories of our own, and whatever an operator adds to them.

A prompt has as many as fit, the most telling first; a board of one category counts every prompt that has it.
A category that is none of these is a slug that an operator introduces on purpose (``posters``), and from then
on it is known like the others: a mistyped one is an error, never a new category.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from arena.errors import InvalidPrompt

UNCATEGORISED = "uncategorised"
"""What filters call the prompts without any category."""
RESERVED = frozenset({"all", UNCATEGORISED})
MOST = 8
LONGEST = 64
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Category:
    """A category: its slug, its English name, and what belongs to it."""

    slug: str
    name: str
    meaning: str


CATEGORIES = (
    Category("photographic", "Photographic", "is to look like a photograph or a film still"),
    Category("portrait", "Portrait", "one face or figure, shown for its own sake"),
    Category("people", "People", "people doing something, alone or together"),
    Category("animals", "Animals", "animals of this world"),
    Category("landscape", "Landscape and nature", "land, sea, sky, plants and weather"),
    Category("architecture", "Architecture", "buildings, streets, cities and rooms"),
    Category("still-life", "Still life", "objects, food and vehicles"),
    Category("illustration", "Illustration", "drawn or printed: cartoons, comics, sketches, pixel art"),
    Category("painting", "Painting", "painted by hand, in any paint, school or period"),
    Category("anime", "Anime", "anime and manga"),
    Category("3d", "3D", "rendered or modelled: computer graphics, clay, voxels"),
    Category("fantasy", "Fantasy and myth", "magic, mythical creatures, other worlds"),
    Category("sci-fi", "Science fiction", "the future, space, robots, aliens"),
    Category("text", "Text in the picture", "words or letters that must be readable"),
    Category("commercial", "Commercial", "products, advertising, logos, posters, interfaces"),
    Category("abstract", "Abstract", "patterns, textures, shapes and ideas without a subject"),
)
SLUGS = tuple(category.slug for category in CATEGORIES)


def check_categories(
    slugs: Iterable[str], *, known: Collection[str] = (), new: bool = False
) -> tuple[str, ...]:
    """Categories as they are kept: each once, in their order.

    Parameters
    ----------
    slugs : iterable of str
    known : collection of str
        An operator's own categories, which are known beside ours.
    new : bool
        Whether others may be introduced: lower-case letters, digits and single hyphens, at most `LONGEST`
        characters, none of `RESERVED`.

    Raises
    ------
    InvalidPrompt
        If one is unknown, with those that are known; or has no such form; or there are more than `MOST`.
    """
    told = tuple(dict.fromkeys(slugs))
    for slug in told:
        if slug in RESERVED or len(slug) > LONGEST or not _SLUG.fullmatch(slug):
            raise InvalidPrompt(
                "bad_category",
                f"{slug!r} cannot be a category; use at most {LONGEST} lower-case letters, digits and single "
                f"hyphens, and none of {', '.join(sorted(RESERVED))}",
            )
        if not new and slug not in SLUGS and slug not in known:
            own = sorted(set(known) - set(SLUGS))
            raise InvalidPrompt(
                "unknown_category", f"{slug!r} is no category; there is: {', '.join((*SLUGS, *own))}"
            )
    if len(told) > MOST:
        raise InvalidPrompt("too_many_categories", f"a prompt has at most {MOST} categories, not {len(told)}")
    return told
