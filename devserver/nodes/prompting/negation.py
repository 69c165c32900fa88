"""Which words of a text are meant as what not to make: "no drums or bass", "ohne Gesang", "avoid synths, pads"."""

from __future__ import annotations

from collections.abc import Sequence

from .scan import Token

NOTS = frozenset(
    "no not without never nor ohne kein keine keinen keinem keiner keines nicht weder avoid avoiding exclude excluding"
    " vermeide vermeiden minus dont don't nothing nichts except außer skip omit hate lacking sans".split()
)
SHORTENED = frozenset("don doesn shouldn won can isn".split())
LISTING = frozenset("avoid avoiding exclude excluding vermeide vermeiden without ohne except außer omit skip".split())
EXPLICIT = LISTING - {"without", "ohne"}
JOINING = frozenset("or nor oder noch".split())
AND = frozenset("and und".split())
FILL = frozenset(
    "any a an the too very much of use using to be it have include including add adding anything zu sehr so eine ein"
    " einen einem einer der die das den dem irgendwelche irgendein bitte please kind sort overly really at all more"
    " that sounds like is with want t do i o need usual typical heavily use uses go".split()
)
ENDS = frozenset(
    "with but just only mit aber sondern nur for für in at bei auf im that which then dann dafür instead while by from"
    " to using featuring please bitte until bis when wenn should make give keep let sowie".split()
)
COMPARING = frozenset(
    "longer shorter more less faster slower länger kürzer mehr weniger schneller langsamer only nur".split()
)
MAX_PHRASE = 4
LIST_REACH = 24  # tokens that are looked through for the "or" of a list


def negated(tokens: Sequence[Token]) -> list[tuple[int, int]]:
    """Ranges of tokens [first, last) that are not wanted, one for each thing, without the word that negates."""
    found: list[tuple[int, int]] = []
    at = 0
    while at < len(tokens):
        if _denies(tokens, at):
            found.append((_start_of_line(tokens, at - 1), at - 1))
            at += 1
        elif _negates(tokens, at):
            phrases = _phrases(tokens, at)
            found += [phrase for phrase in phrases if not _until(tokens, phrase[1])]
            at = max((last for _, last in phrases), default=at + 1)
        else:
            at += 1
    return found


def _negates(tokens: Sequence[Token], at: int) -> bool:
    if tokens[at].folded not in NOTS and not _is_shortened_not(tokens, at):
        return False
    after = tokens[at + 1].folded if at + 1 < len(tokens) else ""
    return after not in COMPARING


def _denies(tokens: Sequence[Token], at: int) -> bool:
    """Whether this is the "none" of a form: "Vocals: none"."""
    return at > 1 and tokens[at].folded in {"none", "no", "keine", "kein", "off"} and tokens[at - 1].folded == ":"


def _start_of_line(tokens: Sequence[Token], place: int) -> int:
    first = place
    while first and place - first < MAX_PHRASE and _belongs(tokens[first - 1]):
        first -= 1
    return first


def _until(tokens: Sequence[Token], place: int) -> bool:
    """Whether what is refused comes later: "no drums until the second chorus"."""
    return place < len(tokens) and tokens[place].folded in {"until", "till", "bis", "before"}


def _is_shortened_not(tokens: Sequence[Token], at: int) -> bool:
    """Whether don't, doesn't, shouldn't ... begins here, cut at its sign."""
    three = [token.folded for token in tokens[at : at + 3]]
    if three == ["w", "/", "o"]:
        return True
    return len(three) == 3 and three[0] in SHORTENED and three[1] in {"'", "’"} and three[2] == "t"


def _phrases(tokens: Sequence[Token], at: int) -> list[tuple[int, int]]:
    word = tokens[at].folded
    phrases: list[tuple[int, int]] = []
    place = at + 1
    if place < len(tokens) and tokens[place].folded == ":":
        place += 1
    while True:
        while place < len(tokens) and tokens[place].folded in FILL | {"'", "’", "/"}:
            place += 1
        first = place
        while place < len(tokens) and place - first < MAX_PHRASE and _belongs(tokens[place]):
            place += 1
        if place == first:
            return phrases
        phrases.append((first, place))
        following = _goes_on(tokens, place, word)
        if following is None:
            return phrases
        place = following


def _belongs(token: Token) -> bool:
    if token.folded in {"-", "'", "’"}:
        return True
    return token.is_word and token.folded not in JOINING | AND | ENDS | NOTS


def _goes_on(tokens: Sequence[Token], place: int, word: str) -> int | None:
    """Where the next unwanted thing of a list begins; None where the list ends."""
    if place >= len(tokens):
        return None
    sign = tokens[place].folded
    if sign in JOINING:
        return place + 1
    if sign in AND:
        bare = place + 1 < len(tokens) and tokens[place + 1].folded not in FILL | ENDS | NOTS
        return place + 1 if bare and (word in LISTING or _is_list(tokens, place)) else None
    if sign in {",", "/"} and (word in EXPLICIT or _or_comes(tokens, place + 1)):
        return place + 1
    return None


def _is_list(tokens: Sequence[Token], place: int) -> bool:
    """Whether "and" joins two bare words, as in "no drums and bass."."""
    after = place + 2
    return after >= len(tokens) or not tokens[after].is_word


def _or_comes(tokens: Sequence[Token], place: int) -> bool:
    words = 0
    for token in tokens[place : place + LIST_REACH]:
        if token.folded in JOINING:
            return words > 0
        if token.folded == ",":
            words = 0
        elif not _belongs(token) or words == MAX_PHRASE - 1:
            return False
        else:
            words += 1
    return False
