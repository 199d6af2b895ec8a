"""Which shape, pattern and colours a product gets: the words of its name decide.

Shapes are tried in order, and what a thing *is* mostly stands at the end of its name ("heart t-light **holder**"), so
whole phrases come first and general words last.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from tidings.demo.shop.picture import patterns
from tidings.demo.shop.picture import shapes_carry as carry
from tidings.demo.shop.picture import shapes_home as home
from tidings.demo.shop.picture import shapes_kitchen as kitchen
from tidings.demo.shop.picture import shapes_paper as paper
from tidings.demo.shop.picture import shapes_play as play
from tidings.demo.shop.picture.draw import Ink

Shape = Callable[[Ink], str]

SHAPES: tuple[tuple[Shape, str], ...] = (
    (home.doormat, "doormat"),
    (play.money_box, "money bank"),
    (play.doll, "doll"),
    (home.cushion, "cushion"),
    (kitchen.jar, "bon jar|storage jar"),
    (carry.bottle_warm, "hot water bottle|hand warmer|eye mask|hottie"),
    (play.watering_can, "watering can"),
    (kitchen.cake_cases, "cake cases|baking cases|loaf|muffin|cupcake|fairy cake"),
    (kitchen.cake_stand, "cakestand|cake stand|cake plate|tier"),
    (play.plasters, "plasters|first aid"),
    (kitchen.moulds, "cutter|cutters|moulds|mould|piping|baking set"),
    (carry.apron, "apron|poncho|rain hat|baby grow|bib"),
    (
        home.hanging_light,
        "hanging heart t-light holder|hanging t-light|hanging jam jar|heart t-light|hanging metal heart lantern",
    ),
    (paper.chain, "paper chain|garland"),
    (home.fairy_lights, "lights|string of|led light"),
    (home.night_light, "night light|toadstool"),
    (home.tea_light, "t-light|tea light|tealight|tealights|votive|candle holder|candleholder|burner|incense"),
    (home.candle, "candle|candles|candlestick|chocolatecandle"),
    (home.lantern, "lantern|lanterns"),
    (paper.bunting, "bunting|flags|banner|pennant"),
    (home.doormat, "doormat|door mat|kneeling|rug|mat"),
    (carry.purse, "purse|wallet|passport|glasses case"),
    (carry.case, "suitcase|mini cases|case|trunk"),
    (carry.lunch_bag, "lunch bag|snack bag|cool bag|lunchbag"),
    (carry.tie_sack, "cotton bag|peg bag|sack|laundry|shoe bag|wash bag"),
    (carry.handbag, "charlotte|backpack|handbag|shoulder|airline bag|picnic bag|vanity|washbag|weekend"),
    (carry.tote, "bag|shopper|tote"),
    (home.clock, "clock|clocks|timer|watch"),
    (play.money_box, "money bank|bank|piggy|moneybox"),
    (home.sign, "sign|wall art|plaque|slate|chalkboard|memo|memoboard|black board|blackboard|board|poster|wall tidy"),
    (paper.tags, "tags|tag|label|labels|marker"),
    (paper.card, "card|cards|envelope|postcard|stationery|writing set"),
    (paper.wrap, "wrap|wrapping|roll"),
    (paper.pencils, "pencil|pencils|crayons|chalk|colouring|paint"),
    (paper.pen, "pen|pens|lip gloss|lipstick"),
    (
        paper.notebook,
        "notebook|notebooks|note books|book|books|journal|list|sketchbook|notepad|calendar|recipe|diary|magnetic",
    ),
    (paper.ribbon, "ribbon|ribbons|tape|thread|sewing|knitting|wool|reel"),
    (paper.doily, "doily|doilies|placemat|placemats|coaster|coasters"),
    (carry.umbrella, "umbrella|parasol|parasols|fan"),
    (carry.box, "lunch box|box|boxes|container|containers|snack boxes|crate|crates"),
    (kitchen.teapot, "teapot|tea for one|tea set|kettle"),
    (kitchen.teacup, "teacup|saucer|cup and saucer|tea cup"),
    (kitchen.jug, "jug|vase|pitcher|flower jug"),
    (kitchen.mug, "mug|glass|glasses|cup|cups|beaker|tumbler|egg cup"),
    (kitchen.bowl, "bowl|bowls|dish|frying pan|bathing"),
    (kitchen.plate, "plate|plates|tray|trays|platter"),
    (
        kitchen.cutlery,
        "cutlery|spoon|spoons|measuring|fork|chopsticks|brush|whisk|opener|servers|tongs|mitt|rolling pin|spade",
    ),
    (kitchen.scales, "scales"),
    (play.butterfly, "butterfly|butterflies"),
    (
        kitchen.towel,
        "napkins|napkin|tissues|towel|towels|tea towels|gloves|glove|quilt|cloth|throw|handkerchief|canvas",
    ),
    (kitchen.jar, "jar|jars|jam|apothecary|sweets|candy"),
    (kitchen.tin, "tin|tins|caddy|coffee|biscuit|bread bin|canister|storage"),
    (kitchen.glass_bottle, "bottle|bottles|perfume|elixir|bath salts"),
    (home.cabinet, "cabinet|drawers|drawer cabinet|chest|shelf|shelves|ladder|stand|stool|rack|magazine"),
    (home.knob, "knob|drawerknob|door knob|handle"),
    (home.hook, "hook|hooks|hanger|hangers"),
    (home.key, "key|keys|fob|keyring|chain"),
    (home.frame, "frame|mirror|picture|photo|portrait|cornice"),
    (home.jewel_pot, "trinket|pot|soap|jewellery|ring|egg"),
    (home.cushion, "cushion|pillow|pin cushion|sponge|hammock|mice|cat|cats"),
    (paper.cracker, "cracker|crackers|balloon|balloons|straws|confetti"),
    (play.stocking, "stocking"),
    (play.tree, "tree|christmas craft|reindeer|little friends|angel"),
    (play.bauble, "bauble|baubles|bell|bells"),
    (play.windmill, "windmill|glider|gliders|kite"),
    (play.doll, "doll|dolls|feltcraft|princess|fairy|nancy|babushka|nesting"),
    (play.toy_house, "playhouse|birdhouse|house|bird house|gazebo|birdcage|doorstop|door stop"),
    (play.blocks, "block|blocks|building|jigsaw|domino|dominoes|letters"),
    (play.game, "game|ludo|snakes|bingo|naughts|draughts|chess|snap|puzzle|sporting"),
    (play.spinning_top, "tops|skipping|rope|skittles|yoyo|toy|clay|stencil|croquet|harmonica|rocking"),
    (play.plant, "plant|planter|herb|garden|flower|sunflower|wreath|cress"),
    (play.bird, "bird|birds|lovebird|lovebirds|dove|owl|swallow|feather|hen|chick|duck"),
    (carry.basket, "basket|baskets|hamper|pegs"),
    (home.hanging_heart, "heart|hearts|trellis|love"),
    (play.hanging_star, "star|stars|snowflake"),
    (carry.tote, "toys|tidy"),
    (play.bauble, "decoration|decorations|hanging|ornament|christmas"),
    (paper.notebook, "paper|stamp|magnets|stickers|clips|erasers|ruler|gum"),
)
"""Shape and the words that ask for it."""

_SHAPES = tuple((shape, re.compile(rf"(?<![a-z])(?:{words})(?![a-z])")) for shape, words in SHAPES)
_PATTERNS = tuple((tile, frozenset(words.split())) for tile, words in patterns.WORDS)


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case."""
    return re.findall(r"[a-z]+", name.lower())


def shape(name: str) -> Shape:
    """The shape for a product of this name."""
    text = " ".join(name.lower().split())
    return next((drawn for drawn, pattern in _SHAPES if pattern.search(text)), paper.gift)


def tile(name: str) -> Callable[[Ink], patterns.Tile]:
    """The pattern for a product of this name."""
    words = set(words_of(name))
    return next((drawn for drawn, asked in _PATTERNS if words & asked), patterns.pin)
