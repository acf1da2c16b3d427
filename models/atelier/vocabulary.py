"""The words the atelier knows, and which of them go together.

One table a slot: the key is what a scene stores, the values are the ways a prompt may say it (the first is
the plainest). Captions draw from these tables and the parser reads the same tables, so that neither can
know a word which the other does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

GRAMMAR_VERSION: Final = "1.0"
OWN: Final = "own"
"""The colour of a material that has only one, such as gold."""

Table = Mapping[str, tuple[str, ...]]


def _table(**rows: str) -> Table:
    """Rows of phrases parted by ``|``; an underscore in a key stands for a space."""
    return MappingProxyType({key.replace("_", " "): tuple(row.split("|")) for key, row in rows.items()})


SHAPES: Final = _table(
    ball="ball|sphere|orb",
    egg="egg",
    cube="cube|block",
    pyramid="pyramid",
    cylinder="cylinder|drum",
    cone="cone",
    ring="ring|torus",
    star="star",
    vase="vase",
    bowl="bowl",
    bottle="bottle",
    mug="mug|cup",
    goblet="goblet|chalice",
    teapot="teapot",
    apple="apple",
    pear="pear",
    pumpkin="pumpkin",
    mushroom="mushroom|toadstool",
    candle="candle",
    book="book",
    plate="plate|dish",
)

COLOURS: Final = _table(
    red="red|scarlet|crimson",
    orange="orange",
    yellow="yellow|lemon yellow",
    green="green|emerald green",
    teal="teal|turquoise",
    blue="blue|cobalt blue",
    purple="purple|violet",
    pink="pink|rose pink",
    brown="brown|chocolate brown",
    black="black|jet black",
    white="white|ivory white",
    grey="grey|gray",
)

MATERIALS: Final = _table(
    clay="matte clay|clay|unglazed clay",
    ceramic="glossy ceramic|porcelain|glazed ceramic|ceramic",
    glass="glass",
    brushed_metal="brushed metal|brushed steel|anodised metal",
    gold="gold|polished gold|golden",
    copper="copper|polished copper",
    silver="silver|chrome|polished silver",
    marble="marble|polished marble",
    wood="wood|wooden|walnut wood",
    velvet="velvet|plush velvet",
    stoneware="speckled stoneware|stoneware|speckled stone",
)

_EVERY: Final = tuple(COLOURS)
COLOURS_OF: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "clay": _EVERY,
        "ceramic": _EVERY,
        "glass": (OWN, "red", "orange", "yellow", "green", "teal", "blue", "purple", "pink"),
        "brushed metal": ("red", "green", "teal", "blue", "purple", "pink", "black", "grey"),
        "gold": (OWN,),
        "copper": (OWN,),
        "silver": (OWN,),
        "marble": ("white", "black", "green", "pink", "grey"),
        "wood": (OWN,),
        "velvet": _EVERY,
        "stoneware": ("white", "grey", "green", "teal", "blue", "pink", "brown", "orange"),
    }
)
"""Which colours a material comes in; `OWN` means that it is said without a colour word."""

CLEAR: Final = ("clear", "colourless", "transparent")
"""How glass without a colour may be said."""

ANGULAR: Final = frozenset({"cube", "pyramid", "star", "book", "plate"})
"""Shapes that are not made of glass: flat faces of a solid dielectric look wrong."""

SURFACES: Final = _table(
    oak_table="an oak table|a light wooden table|a pale oak tabletop|a wooden table",
    walnut_table="a walnut table|a dark wooden table|a dark walnut tabletop",
    marble_slab="a white marble slab|a marble counter|a marble worktop|a marble table",
    concrete="a concrete floor|bare concrete|a concrete ledge|concrete",
    linen_cloth="a linen cloth|a cream linen tablecloth|natural linen",
    checkered_cloth="a checkered tablecloth|a red checked cloth|a gingham tablecloth",
    blue_tiles="blue tiles|a blue tiled floor|a tiled blue counter",
    terracotta_tiles="terracotta tiles|a terracotta floor|a tiled terracotta floor",
    sand="sand|a sandy beach|fine sand",
    slate="a slate board|dark slate|a slate slab|slate",
    black_lacquer="a black lacquered table|black lacquer|a shiny black table",
    grass="grass|a green lawn|short grass",
)

LIGHTINGS: Final = _table(
    studio="in soft studio light|under studio softboxes|in a photo studio|in studio light|"
    "under soft studio light",
    window="in window light|lit by a large window|beside a bright window|in soft window light",
    overcast="in overcast daylight|under an overcast sky|on an overcast day",
    hard_sun="in hard sunlight|under the midday sun|in bright sunshine",
    golden_hour="at golden hour|in golden hour light|in low warm sunlight",
    sunset="at sunset|against a sunset sky|in sunset light",
    moonlight="by moonlight|in blue moonlight|under a full moon",
    candlelight="by candlelight|in flickering candlelight|lit by candles",
    lamplight="by lamplight|under a warm lamp|in warm lamplight|in lamplight",
    neon="in neon light|under neon signs|lit by pink and cyan neon",
    spotlight="under a spotlight|in a single spotlight|lit by one spotlight",
    forest="in dappled forest light|in a sunny forest|in woodland shade",
    city_night="before city lights at night|with city lights behind|in a city at night",
)

RELATIONS: Final = _table(
    left="to the left of|left of|on the left of",
    right="to the right of|right of|on the right of",
    behind="behind|in back of",
    front="in front of|before",
)
BESIDE: Final = ("next to", "beside", "alongside")
"""Side by side, which side left to the seed."""

INVERSE: Final = MappingProxyType({"left": "right", "right": "left", "behind": "front", "front": "behind"})
TRAILING: Final = _table(
    left="to its left|on its left",
    right="to its right|on its right",
    behind="behind it",
    front="in front of it",
)
"""What "a vase with a book behind it" says of the *second* thing."""

CAMERAS: Final = _table(
    plain="at eye level",
    close="close-up|in close-up|a close view|seen up close",
    above="from above|seen from above|a high angle",
    low="from a low angle|seen from below|a low angle",
    shallow="with shallow depth of field|with a blurred background|in shallow focus",
    wide="a wide shot|in a wide view|seen from afar",
)

TERRAINS: Final = _table(
    hills="rolling green hills|green hills|grassy hills",
    autumn_hills="autumn hills|rolling hills in autumn|russet hills",
    dunes="sand dunes|desert dunes|dunes",
    mountains="snowy mountains|snow-capped mountains|snow mountains",
    sea="the open sea|the sea|an ocean",
    lake="a mountain lake|a lake|a calm lake",
    islands="rocky islands|islands|islands in the sea",
    canyon="a red canyon|canyon mesas|a desert canyon",
    pine_forest="a pine forest|pine woods|a valley of pines",
    lavender="a lavender field|fields of lavender|lavender fields",
)

TIMES: Final = _table(
    dawn="at dawn|at sunrise|in the early morning",
    noon="at noon|at midday|in the middle of the day",
    afternoon="in the late afternoon|in the afternoon|in afternoon light",
    sunset="at sunset|at sundown|in the evening sun",
    dusk="at dusk|at twilight|at nightfall",
    night="by moonlight|on a moonlit night|at night",
)

WEATHERS: Final = _table(
    clear="under a clear sky|in clear weather|with a cloudless sky",
    cloudy="with scattered clouds|under drifting clouds|under a cloudy sky",
    overcast="under an overcast sky|in overcast weather|under grey clouds",
    hazy="in haze|in hazy weather|on a hazy day",
    foggy="in fog|in thick fog|on a foggy day",
)

FEATURES: Final = _table(
    none="",
    pines="with pine trees|with pines|dotted with pine trees",
    lone_tree="with a lone tree|with a single tree|and one tree",
    sailboat="with a sailboat|with a sailing boat|and a white sailboat",
    cabin="with a red cabin|with a small red house|and a red cabin",
    boulders="with boulders|strewn with boulders|with large rocks",
)

WATER: Final = frozenset({"sea", "lake", "islands"})
FEATURES_OF: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "hills": ("none", "pines", "lone tree", "cabin", "boulders"),
        "autumn hills": ("none", "pines", "lone tree", "cabin", "boulders"),
        "dunes": ("none", "lone tree", "boulders"),
        "mountains": ("none", "pines", "cabin", "boulders"),
        "sea": ("none", "sailboat"),
        "lake": ("none", "pines", "sailboat", "cabin"),
        "islands": ("none", "pines", "sailboat"),
        "canyon": ("none", "lone tree", "boulders"),
        "pine forest": ("none", "cabin"),
        "lavender": ("none", "lone tree", "cabin"),
    }
)
VIEWS: Final = _table(
    plain="at eye level",
    above="seen from the air|an aerial view|from high above",
    wide="a wide view|a panoramic view|a vast vista",
)

STILL_LIFE_ALIASES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        "shape": _table(ball="globe", cube="box", ring="donut|hoop", goblet="wine glass", mug="coffee cup"),
        "colour": _table(red="ruby", teal="cyan", purple="lilac", blue="navy|navy blue", grey="dark grey"),
        "material": _table(
            clay="earthenware|matte",
            brushed_metal="metal|steel|metallic",
            ceramic="glossy|china|shiny",
            wood="walnut",
        ),
        "surface": _table(
            table="a table|a table top|a tabletop",
            marble_slab="a marble slab|a marble surface",
            sand="a beach",
            slate="a slate surface",
            grass="a lawn|a meadow",
            concrete="a concrete surface|concrete",
            linen_cloth="linen|a linen tablecloth",
            blue_tiles="a blue tiled table",
            oak_table="an oak desk|a desk",
        ),
        "lighting": _table(
            studio="studio light|studio lighting|soft light|soft lighting",
            window="window light|daylight",
            overcast="overcast|overcast light|cloudy light",
            hard_sun="sunlight|sunny|sunshine|bright sunlight",
            golden_hour="golden hour|golden light|warm sunlight",
            sunset="sunset|sunset light",
            moonlight="moonlight|moonlit",
            candlelight="candlelight|candle light",
            lamplight="lamplight|lamp light",
            neon="neon|neon light|neon lights",
            spotlight="spotlight|a spotlight",
            forest="forest light|a forest|dappled light|the woods",
            city_night="city lights|city lights at night|at night in a city",
        ),
        "camera": _table(
            close="closeup|macro",
            above="top view|top down",
            low="low angle|from below",
            shallow="shallow depth of field|bokeh|blurred background|shallow focus",
            wide="wide shot|wide angle|wide view",
        ),
    }
)
"""What a prompt may say though captions never do; the surface "table" is of oak or walnut, by the seed."""
TABLES: Final = ("oak table", "walnut table")

LANDSCAPE_ALIASES: Final[Mapping[str, Table]] = MappingProxyType(
    {
        "terrain": _table(
            hills="hills|rolling hills|grassland|a meadow",
            mountains="mountains|a mountain|snowy peaks|alps|a mountain range",
            dunes="desert|the desert|a desert|dune",
            sea="sea|ocean|the ocean",
            pine_forest="forest|a forest|pines|woods",
            canyon="canyon|mesas|red rocks",
            islands="island|an island|a rocky island",
            lavender="lavender",
            lake="lakes",
        ),
        "time": _table(
            dawn="dawn|sunrise|morning|in the morning",
            noon="noon|midday",
            afternoon="afternoon",
            dusk="dusk|twilight",
            sunset="sunset|evening|in the evening",
            night="night|moonlight|moonlit|starry night|under the stars",
        ),
        "weather": _table(
            clear="clear sky|clear|cloudless|a blue sky",
            cloudy="clouds|cloudy|scattered clouds|a cloudy sky",
            overcast="overcast|grey clouds|an overcast sky",
            hazy="haze|hazy",
            foggy="fog|foggy|mist|misty|in mist",
        ),
        "feature": _table(
            pines="pine trees",
            lone_tree="a tree|a lone tree|a single tree",
            sailboat="sailboat|a sailing boat|a boat",
            cabin="a cabin|a red cabin|a house|a red house|a hut",
            boulders="boulders|rocks",
        ),
        "view": _table(above="aerial view|bird's eye view|from above", wide="wide view|panorama|panoramic"),
    }
)

OPENINGS: Final = ("a photo of", "a photograph of", "a picture of", "a still life with", "a studio photo of")
_FUNCTION = """
a an the of with and on in at by is are there it its that which made out stands standing sits sitting rests
resting placed set lies lying photo photograph picture image still life landscape scene view shot some one
made carved over polished seen lit taken under from to color colour coloured
"""
FUNCTION_WORDS: Final = frozenset(_FUNCTION.split())
"""Words that may stand anywhere and change nothing."""


def colours_of(material: str) -> tuple[str, ...]:
    """Colours that `material` comes in."""
    return COLOURS_OF[material]


def fits(shape: str, colour: str, material: str) -> bool:
    """Whether the grammar has this combination."""
    return colour in COLOURS_OF[material] and not (material == "glass" and shape in ANGULAR)


@lru_cache(maxsize=1)
def combinations() -> tuple[tuple[str, str, str], ...]:
    """Every (shape, colour, material) of the grammar, in a fixed order."""
    return tuple((s, c, m) for m in MATERIALS for c in COLOURS_OF[m] for s in SHAPES if fits(s, c, m))
