"""Training questions without an author: pick words of a sentence as the answer, and ask for them with the rest of the sentence.

Rules on capitals, numbers and function words find the answers and turn the sentence into a question; nothing is learned and
nothing is random: every choice hangs on a hash. The questions are crude ("Who did the plan was proposed by?"), and chapter 07
measures how far they carry. After Lewis et al. 2019, Unsupervised Question Answering by Cloze Translation.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ftlab.errors import InputError

from .passages import Passage
from .reading import Question

_MONTHS = ("January|February|March|April|May|June|July|August|September|October|November|December|"
           r"Jan\.|Feb\.|Aug\.|Sept\.|Oct\.|Nov\.|Dec\.")
_DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"
_NUMBER = r"\d[\d,]*(?:\.\d+)?|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|fifty|a dozen|half"
_NAME = r"(?:[A-Z][\w.&'-]*[\w.]|[A-Z])"
_TITLES = (
    "Mr.", "Mrs.", "Ms.", "Dr.", "President", "Senator", "Gov.", "Governor", "Mayor", "Justice", "Judge",
    "Representative", "Secretary", "Prime", "General", "Gen.", "Rev.", "Commissioner", "Chancellor", "Chairman",
    "Assemblyman", "Prince", "Pope", "King", "Queen",
)
_FIRST_NAMES = frozenset("""
Ronald George Michael Edward David John James Robert William Richard Thomas Charles Joseph Daniel Paul Mark Donald
Kenneth Steven Stephen Peter Henry Frank Jack Jim Bob Bill Tom Dan Mario Alfonse Jesse Gary Alan Albert Walter Arthur
Anthony Patrick Raymond Roger Ralph Roy Eugene Louis Philip Harold Howard Fred Carl Warren Martin Mikhail Nelson
Margaret Mary Elizabeth Barbara Nancy Susan Jane Ann Anne Ruth Helen Carol Linda Patricia Sandra Betty Dorothy Ellen
Sarah Winnie Boris Saddam Manuel Fidel Jose Juan Carlos Yasir Yitzhak Ariel Shimon Oliver Caspar Elliott Rudolph
Lyndon Jimmy Dwight Harry Franklin Abraham Theodore Thurgood Antonin Byron Sam Max Ben Lee Clarence Douglas Dennis
Kevin Brian Eric Ed Al Andrew Benjamin Christopher Diane Jill Joan Julia Kathryn Larry Lawrence Leonard Lloyd Matthew
Maurice Norman Samuel Sidney Stanley Victor Vincent Woody
""".split())
_HEADS = frozenset("""
Committee Department Board Agency University College School Court Party Act Commission Council Company Bank Hospital
Museum Street Avenue Island County State Authority Association Union Administration Church Foundation Institute Center
Service Bureau Corporation Conference Treaty Amendment Army Fund Park River Bridge Airport Hotel Theater Library Award
Prize Law Code League Congress Senate House Journal Post Times News Magazine
""".split())
_FUNCTION = frozenset("""
a an and are as at be because been before but by can could did do does for from had has have he her him his how if in
into is it its may might more most must no nor not of on or our out over she should so some such than that the their
them then there these they this those through to too under until up was we were what when where which while who whose
why will with without would you your about after against all also any both each even ever every few just many much
only other own same still very yet i me my us between during since upon toward like
""".split())
_AUXILIARIES = frozenset("is are was were will would can could should may might must has have had did does do".split())
_OTHER_WORDS = {  # light rewording, so that a question does not repeat its sentence to the letter
    "said": "stated", "says": "states", "plan": "proposal", "proposal": "plan", "need": "require", "needs": "requires",
    "big": "large", "help": "assist", "helps": "assists", "law": "statute", "bill": "measure", "buy": "purchase",
    "show": "demonstrate", "begin": "start", "began": "started", "many": "numerous", "people": "persons",
    "children": "kids", "money": "funds", "job": "post", "jobs": "work", "city": "town", "nation": "country",
    "country": "nation", "war": "conflict", "rise": "increase", "rose": "increased", "cut": "reduced", "use": "employ",
    "make": "produce", "gave": "granted", "want": "wish", "wants": "wishes", "wanted": "wished", "ended": "finished",
    "end": "finish", "new": "recent", "year": "twelve months", "officials": "authorities", "leaders": "chiefs",
    "problem": "difficulty", "problems": "difficulties", "chance": "opportunity", "poor": "needy", "called": "named",
    "killed": "slain", "argue": "contend", "argues": "contends", "asked": "requested", "important": "significant",
    "quickly": "fast", "difficult": "hard", "decision": "ruling", "ruling": "decision", "public": "common",
    "company": "firm", "companies": "firms",
}


@dataclass(frozen=True)
class Gap:
    """Words of a sentence that can be asked for.

    Attributes:
        start, end: characters in the sentence, end exclusive.
        wh: the question word(s): "who", "how many", ...
        cut: characters before start that go too (the preposition of "in 1990").
    Example: in "He left in 1990." it is ``Gap(11, 15, "when", 3)``.
    """

    start: int
    end: int
    wh: str
    cut: int = 0


def gaps(sentence: str) -> list[Gap]:
    """The names, dates, amounts, reasons and noun phrases of a sentence, left to right, none overlapping another.

    Args:
        sentence: text.
    Returns: list of `Gap`.
    Example: ``[g.wh for g in gaps("Mr. Bush paid $3 million in 1990.")]`` is ``["who", "how much", "when"]``.
    """
    found: list[Gap] = []
    for gap in _candidates(sentence):
        if all(gap.end <= g.start or g.end <= gap.start for g in found):
            found.append(gap)
    return sorted(found, key=lambda g: g.start)


def ask(sentence: str, gap: Gap, key: str = "") -> str:
    """The question whose answer is the gap: its clause with the question word in front, some words left out or replaced.

    Args:
        sentence: text.
        gap: from `gaps`.
        key: decides, by its hash, the form of the question and which words change.
    Returns: the question; "" if too little is left of the clause to ask anything.
    Example: ``ask("Mr. Bush paid $3 million in 1990.", gaps(...)[2])`` is like "When did Mr. Bush paid $3 million?".
    """
    left, right = _clause(sentence[: gap.start - gap.cut], sentence[gap.end :])
    if sum(word.strip(".,").lower() not in _FUNCTION for word in left + right) < 3:
        return ""
    left, right = (_reworded(words, f"{key}/{side}") for side, words in (("left", left), ("right", right)))
    auxiliary = next((i for i, word in enumerate(left) if word.lower() in _AUXILIARIES and i > 0), None)
    if not left or (len(left) == 1 and left[0].lower() in _FUNCTION):
        words = [gap.wh, *right]
    elif _share(f"{key}/form") < 0.2:
        words = [*left, gap.wh, *right]
    elif auxiliary is not None:
        words = [gap.wh, left[auxiliary], *left[:auxiliary], *left[auxiliary + 1 :], *right]
    else:
        words = [gap.wh, "did", *left, *right]
    text = " ".join(words).strip(" ,;:-'")
    return text[:1].upper() + text[1:].rstrip(".!?'\" ") + "?"


def cloze(
    passages: Iterable[Passage], per_sentence: int = 2, sentences: int | None = None, unanswerable: float = 0.25
) -> tuple[Question, ...]:
    """Cloze questions on passages, a share of them without an answer.

    An unanswerable one asks a question of another passage, the one whose question shares most words with this context.

    Args:
        passages: of the train split only, if anything is to be measured on the others.
        per_sentence: at most so many questions from each sentence.
        sentences: context of so many sentences around the answer; None gives the whole passage.
        unanswerable: share of questions without an answer, 0 to 1.
    Returns: tuple of `Question`, the same on every machine.
    Raises: InputError for a share out of range.
    Example: ``len(cloze(passages("train")))``.
    Source: Lewis et al. 2019, sections 2 and 3. Checked against: answers stand at their offsets (tests/test_tasks_questions.py).
    """
    if not 0 <= unanswerable <= 1:
        raise InputError(f"unanswerable is {unanswerable}", wanted="a share, 0 to 1")
    made = [q for passage in passages for q in _of_passage(passage, per_sentence, sentences)]
    wanted = round(len(made) * unanswerable / max(1e-9, 1 - unanswerable)) if unanswerable < 1 else len(made)
    chosen = sorted(made, key=lambda q: _share(f"{q.id}/none"))[: min(wanted, len(made))]
    asked = _Index(made)
    return tuple(made + [Question(f"{q.id}-none", other.question, q.context, (), other.kind, "cloze", q.source)
                         for q in chosen if (other := asked.near(q)) is not None])


def _of_passage(passage: Passage, per_sentence: int, sentences: int | None) -> Iterator[Question]:
    for place, sentence in enumerate(passage.sentences):
        key = passage.ids[place]
        if not 6 <= len(sentence.split()) <= 60:
            continue
        good = [(gap, text) for gap in gaps(sentence) if (text := ask(sentence, gap, f"{key}/{gap.start}"))]
        good.sort(key=lambda pair: _share(f"{key}/{pair[0].start}/pick") + (0.6 if pair[0].wh == "what" else 0))  # rarer kinds first
        first, last = _around(place, len(passage.sentences), sentences, _share(f"{key}/around"))
        before = sum(len(s) + 1 for s in passage.sentences[first:place])
        context = " ".join(passage.sentences[first:last])
        for n, (gap, text) in enumerate(good[:per_sentence]):
            answer = (before + gap.start, before + gap.end)
            yield Question(f"{key}-{n}", text, context, (answer,), _kind(gap.wh), "cloze", str(passage.article))


def _kind(wh: str) -> str:
    return {"what percentage": "how much"}.get(wh, wh if wh in ("how many", "how much") else wh.split()[0])


def _around(place: int, n: int, sentences: int | None, share: float) -> tuple[int, int]:
    """First and last (exclusive) of so many sentences around one, which stands anywhere among them."""
    if sentences is None or sentences >= n:
        return 0, n
    first = min(max(0, place - int(share * sentences)), n - sentences)
    return first, first + sentences


def _candidates(sentence: str) -> Iterator[Gap]:
    def each(pattern: str, wh: str, group: int = 1) -> Iterator[Gap]:
        for match in re.finditer(pattern, sentence):
            start, end = match.span(group)
            yield Gap(start, end, wh, start - match.start())

    yield from each(r"\bbecause ((?!of)[^,;.?!]{15,90})(?=[,;.?!])", "why")
    yield from each(r"\bbecause of ([^,;.?!]{8,60})(?=[,;.?!])", "why")
    yield from each(r"\bby (\w+ing [^,;.?!]{8,60})(?=[,;.?!])", "how")
    yield from each(rf"\b(?:on |in |since |by |until )?((?:{_MONTHS}) \d{{1,2}}(?:, \d{{4}})?|(?:{_MONTHS}),? \d{{4}})", "when")
    yield from each(r"\b(?:in |since |by |until )((?:19|20|18)\d\d)\b", "when")
    yield from each(rf"\b(?:on |last |next )({_DAYS})\b", "when")
    yield from each(r"\b(last (?:week|month|year|spring|summer|fall|winter|night)|yesterday)\b", "when")
    yield from each(r"\b((?:two|three|four|five|ten|\d+) years ago)\b", "when")
    yield from each(r"((?:about |nearly |almost )?\$\d[\d,.]*\d?(?: (?:million|billion|trillion))?)", "how much")
    yield from each(r"\b(\d[\d.,/ ]*\d?(?: to \d+)? percent)\b", "what percentage")
    yield from each(rf"\b({_NUMBER})(?= (?:million |billion )?[a-z]+s\b)", "how many")
    for match in re.finditer(rf"{_NAME}(?: (?:(?:of|for|the|and|de|van) )?{_NAME})*", sentence):
        if (gap := _name(sentence, match)) is not None:
            yield gap
    phrase = r"\b(?:the|a|an|its|their|his|her|this|these|those) ((?:[a-z][\w'-]* ){0,2}[a-z][\w'-]*[a-z])(?=[,;.?!]| [a-z]+\b)"
    for match in re.finditer(phrase, sentence):
        after = re.match(r"[ ,;.?!]*(\w*)", sentence[match.end() :]).group(1).lower()
        words = match.group(1).split()
        stops = after == "" or after in _FUNCTION or sentence[match.end()] in ",;.?!"  # else the phrase may go on, or a verb follows
        if any(w in _FUNCTION for w in words) or words[-1].endswith(("ed", "ly")) or not stops:
            continue
        yield Gap(match.start(), match.end(), "what")


def _name(sentence: str, match: re.Match) -> Gap | None:
    """A run of capitalised words as a gap, or None if it is only the first word of its sentence."""
    text, start, end = match.group(), match.start(), match.end()
    if text.endswith("'s"):
        text, end = text[:-2], end - 2
    if text.endswith(".") and end == len(sentence):
        text, end = text[:-1], end - 1
    first = not sentence[:start].strip(" '\"-") or sentence[:start].rstrip().endswith((".", "?", "!", "''", ":"))
    words = text.split()
    if len(text) < 3 or text.lower() in _FUNCTION or (first and len(words) == 1):
        return None
    if first and words[0].lower() in _FUNCTION:
        start += len(words[0]) + 1
        words = words[1:]
        if not words or words[0].lower() in _FUNCTION:
            return None
    if re.match(rf"(?:{_MONTHS}|{_DAYS})$", words[0]):
        return None
    before = sentence[:start].rstrip().rsplit(" ", 1)[-1].lower()
    if words[-1] in _HEADS and len(words) > 1:
        return Gap(start, end, f"which {words[-1].lower()}")
    speaks = re.match(r" (?:said|says|who|argues|believes|wants)\b", sentence[end:])
    if words[0] in _TITLES or words[0] in _FIRST_NAMES or sentence[:start].rstrip().endswith(_TITLES) or speaks:
        return Gap(start, end, "who")
    if before in ("in", "at", "near", "from", "to") and len(words) < 4:
        return Gap(start, end, "where", len(before) + 1 if before in ("in", "at", "near") else 0)
    return Gap(start, end, "which" if _share(text) < 0.3 else "what")


def _clause(left: str, right: str) -> tuple[list[str], list[str]]:
    """The words on both sides of a gap, up to the next strong break, at most 10 each."""
    left = re.split(r"[;:?!\"]|''| - |, (?:and|but|which|who) ", left)[-1]
    right = re.split(r"[;:?!\"]|''| - |, (?:and|but|which|who) ", right)[0]
    words_left = re.sub(r"^\W+|\s+$", "", left).replace(",", "").split()
    while words_left and words_left[0].lower() in ("and", "but", "or", "so", "yet", "nor", "that"):
        words_left = words_left[1:]
    words_right = re.sub(r"^'s\b|^[\s,.]+", "", right).replace(",", "").split()
    return words_left[-10:], words_right[:10]


def _reworded(words: Sequence[str], key: str) -> list[str]:
    """Words with some replaced by others of like meaning, and some left out."""
    kept = []
    for place, word in enumerate(words):
        share = _share(f"{key}/{place}/{word}")
        if word.lower() in _OTHER_WORDS and share < 0.6:
            word = _OTHER_WORDS[word.lower()]
        elif share > 0.93 and len(words) > 4 and word.lower() not in _AUXILIARIES:
            continue
        kept.append(word)
    return kept


class _Index:
    """Finds, among many questions, the one of another passage that shares most rare words with a context."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self.words = [_content(q.question) for q in questions]
        self.seen_in = Counter(word for words in self.words for word in words)
        self.having: dict[str, list[int]] = {}
        for i, words in enumerate(self.words):
            for word in words:
                self.having.setdefault(word, []).append(i)
        self.used: set[int] = set()

    def near(self, asked: Question) -> Question | None:
        weight: Counter[int] = Counter()
        for word in sorted(_content(asked.context)):  # sorted: a set's order, and with it the rounding of a sum, differs from run to run
            for i in self.having.get(word, ()):
                weight[i] += 1 / self.seen_in[word]
        for i, _ in sorted(weight.items(), key=lambda pair: (-round(pair[1], 9), pair[0])):
            other = self.questions[i]
            if other.source != asked.source and i not in self.used and other.texts[0].lower() not in asked.context.lower():
                self.used.add(i)
                return other
        return None


def _content(text: str) -> set[str]:
    return {word for word in re.findall(r"[a-z0-9]+", text.lower()) if word not in _FUNCTION and len(word) > 2}


def _share(key: str) -> float:
    """A number from 0 to 1 that hangs on the key alone: the first 8 hexadecimal digits of its SHA-256, over 16^8."""
    return int(hashlib.sha256(f"cloze/{key}".encode()).hexdigest()[:8], 16) / 16**8
