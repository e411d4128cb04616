"""Exercises, quiz and recall questions of chapter 07: question answering."""

from __future__ import annotations

import collections
import math
import re
import string

from .content import Case, Choice, Exercise, Mistake, Question, Recall


def n_windows() -> int:
    context, question, max_length, stride = 600, 17, 128, 40
    room = max_length - 3 - question  # 108 tokens of context in each window
    step = room - stride  # 68: each further window brings so many new ones
    return 1 + math.ceil((context - room) / step)  # 1 + ceil(492 / 68)


def span_text(context, offsets, start, end):
    return context[offsets[start][0] : offsets[end][1]]  # from the first token's first character to the last token's last


def _last_token_missing(context, offsets, start, end):
    return context[offsets[start][0] : offsets[end - 1][1]]


def _start_of_last(context, offsets, start, end):
    return context[offsets[start][0] : offsets[end][0]]


def _one_character_more(context, offsets, start, end):
    return context[offsets[start][0] : offsets[end][1] + 1]


def _joined_pieces(context, offsets, start, end):
    return " ".join(context[a:b] for a, b in offsets[start : end + 1])


def _tokens_as_characters(context, offsets, start, end):
    return context[start : end + 1]


def token_labels(offsets, sides, answer):
    first, last = answer[0], answer[1] - 1  # first and last character of the answer: its end is exclusive
    context = [t for t, side in enumerate(sides) if side == 1]
    start = [t for t in context if offsets[t][0] <= first < offsets[t][1]]
    end = [t for t in context if offsets[t][0] <= last < offsets[t][1]]
    return [start[0], end[0]] if start and end else [0, 0]


def _question_tokens(offsets, sides, answer):
    start = [t for t, (a, b) in enumerate(offsets) if a <= answer[0] < b]
    end = [t for t, (a, b) in enumerate(offsets) if a <= answer[1] - 1 < b]
    return [start[0], end[0]] if start and end else [0, 0]


def _end_exclusive_token(offsets, sides, answer):
    start, end = token_labels(offsets, sides, answer)
    return [start, end + 1] if [start, end] != [0, 0] else [0, 0]


def _end_character_included(offsets, sides, answer):
    context = [t for t, side in enumerate(sides) if side == 1]
    start = [t for t in context if offsets[t][0] <= answer[0] < offsets[t][1]]
    end = [t for t in context if offsets[t][0] <= answer[1] < offsets[t][1]]
    return [start[0], end[0]] if start and end else [0, 0]


def _cut_answers_kept(offsets, sides, answer):
    touched = [t for t, side in enumerate(sides) if side == 1 and offsets[t][1] > answer[0] and offsets[t][0] < answer[1]]
    return [touched[0], touched[-1]] if touched else [0, 0]


def _ignored_for_none(offsets, sides, answer):
    found = token_labels(offsets, sides, answer)
    return found if found != [0, 0] else [-100, -100]


def _exact_edges(offsets, sides, answer):
    context = [t for t, side in enumerate(sides) if side == 1]
    start = [t for t in context if offsets[t][0] == answer[0]]
    end = [t for t in context if offsets[t][1] == answer[1]]
    return [start[0], end[0]] if start and end else [0, 0]


def _touching_counts(offsets, sides, answer):
    context = [t for t, side in enumerate(sides) if side == 1]
    start = [t for t in context if offsets[t][0] <= answer[0] <= offsets[t][1]]
    end = [t for t in context if offsets[t][0] <= answer[1] - 1 <= offsets[t][1]]
    return [start[0], end[0]] if start and end else [0, 0]


def _exact_start(offsets, sides, answer):
    context = [t for t, side in enumerate(sides) if side == 1]
    start = [t for t in context if offsets[t][0] == answer[0]]
    end = [t for t in context if offsets[t][0] <= answer[1] - 1 < offsets[t][1]]
    return [start[0], end[0]] if start and end else [0, 0]


def squad_form(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    text = re.sub(r"\b(a|an|the)\b", " ", text)
    return " ".join(text.split())


def _articles_first(text):
    text = re.sub(r"\b(a|an|the)\b", " ", text.lower())
    return " ".join("".join(c for c in text if c not in string.punctuation).split())


def _lower_last(text):
    text = "".join(c for c in text if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).lower().split())


def _marks_to_blanks(text):
    text = "".join(" " if c in string.punctuation else c for c in text.lower())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def _inside_words(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(text.replace("the", " ").replace("an", " ").replace("a", " ").split())


def _only_the(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\bthe\b", " ", text).split())


def _blanks_left(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).strip()


def _no_articles_removed(text):
    return " ".join("".join(c for c in text.lower() if c not in string.punctuation).split())


def _letters_and_digits(text):
    text = "".join(c for c in text.lower() if c.isalnum() or c.isspace())
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", text).split())


def best_f1(prediction, answers):
    def one(said, wanted):
        if not said or not wanted:
            return float(said == wanted)  # "no answer" is right or wrong, nothing between
        both = sum((collections.Counter(said) & collections.Counter(wanted)).values())
        return 2 * both / (len(said) + len(wanted))

    return max(one(prediction.split(), answer.split()) for answer in answers or [""])


def _f1(said, wanted, both):
    if not said or not wanted:
        return float(said == wanted)
    return 2 * both / (len(said) + len(wanted))


def _as_sets(prediction, answers):
    pairs = [(set(prediction.split()), set(a.split())) for a in answers or [""]]
    return max(_f1(said, wanted, len(said & wanted)) for said, wanted in pairs)


def _every_repeat(prediction, answers):
    pairs = [(prediction.split(), a.split()) for a in answers or [""]]
    return max(_f1(said, wanted, sum(word in wanted for word in said)) for said, wanted in pairs)


def _mean_over_answers(prediction, answers):
    scores = [best_f1(prediction, [a]) for a in answers or [""]]
    return sum(scores) / len(scores)


def _first_answer(prediction, answers):
    return best_f1(prediction, answers[:1])


def _precision(prediction, answers):
    said = prediction.split()
    shares = [sum((collections.Counter(said) & collections.Counter(a.split())).values()) / len(said) if said and a else float(said == a.split())
              for a in answers or [""]]
    return max(shares)


def _recall(prediction, answers):
    said = prediction.split()
    shares = [sum((collections.Counter(said) & collections.Counter(a.split())).values()) / len(a.split()) if said and a else float(said == a.split())
              for a in answers or [""]]
    return max(shares)


def _empty_is_nothing(prediction, answers):
    return best_f1(prediction, answers) if prediction and answers else 0.0


def _exact(prediction, answers):
    return float(prediction.split() in [a.split() for a in answers or [""]])


def possible_span(start, end, inside, longest):
    best, chosen = -math.inf, None
    for s in range(len(start)):
        for e in range(s, min(s + longest, len(end))):  # s <= e, and at most `longest` tokens
            if inside[s] and inside[e] and start[s] + end[e] > best:
                best, chosen = start[s] + end[e], [s, e]
    return chosen


def _search(start, end, inside, longest, fits):
    pairs = [(start[s] + end[e], -s, -e) for s in range(len(start)) for e in range(len(end)) if fits(s, e)]
    _, s, e = max(pairs)
    return [-s, -e]


def _each_by_itself(start, end, inside, longest):
    context = [t for t, ok in enumerate(inside) if ok]
    return [max(context, key=start.__getitem__), max(context, key=end.__getitem__)]


def _start_then_end(start, end, inside, longest):
    s = max((t for t, ok in enumerate(inside) if ok), key=start.__getitem__)
    return [s, max((t for t in range(s, min(s + longest, len(end))) if inside[t]), key=end.__getitem__)]


def _end_then_start(start, end, inside, longest):
    e = max((t for t, ok in enumerate(inside) if ok), key=end.__getitem__)
    return [max((t for t in range(max(0, e - longest + 1), e + 1) if inside[t]), key=start.__getitem__), e]


def _end_first_allowed(start, end, inside, longest):
    return _search(start, end, inside, longest, lambda s, e: inside[s] and inside[e] and abs(e - s) < longest)


def _question_allowed(start, end, inside, longest):
    return _search(start, end, inside, longest, lambda s, e: 0 <= e - s < longest)


def _any_length(start, end, inside, longest):
    return _search(start, end, inside, longest, lambda s, e: inside[s] and inside[e] and s <= e)


def _two_at_least(start, end, inside, longest):
    return _search(start, end, inside, longest, lambda s, e: inside[s] and inside[e] and 0 < e - s < longest)


def _one_too_long(start, end, inside, longest):
    return _search(start, end, inside, longest, lambda s, e: inside[s] and inside[e] and 0 <= e - s <= longest)


def test_score(validation, test):
    def score(questions, threshold):
        earned = [(f1 if answerable else 0.0) if margin <= threshold else float(not answerable) for margin, f1, answerable in questions]
        return sum(earned) / len(earned)

    thresholds = [-math.inf, *(margin for margin, _, _ in validation)]
    chosen = max(thresholds, key=lambda t: (score(validation, t), t))  # of equally good ones the largest
    return score(test, chosen)


def _score(questions, threshold):
    earned = [(f1 if answerable else 0.0) if margin <= threshold else float(not answerable) for margin, f1, answerable in questions]
    return sum(earned) / len(earned)


def _chosen(questions):
    return max([-math.inf, *(margin for margin, _, _ in questions)], key=lambda t: (_score(questions, t), t))


def _from_test(validation, test):
    return _score(test, _chosen(test))


def _no_minus_infinity(validation, test):
    return _score(test, max((margin for margin, _, _ in validation), key=lambda t: (_score(validation, t), t)))


def _at_zero(validation, test):
    return _score(test, 0.0)


def _always_answers(validation, test):
    return _score(test, math.inf)


def _validation_score(validation, test):
    return _score(validation, _chosen(validation))


def _the_wrong_way(validation, test):
    turned = [(-margin, f1, answerable) for margin, f1, answerable in validation]
    return _score([(-margin, f1, answerable) for margin, f1, answerable in test], _chosen(turned))


def _no_credit(validation, test):
    threshold = _chosen(validation)
    return sum(f1 for margin, f1, answerable in test if margin <= threshold and answerable) / len(test)


def _smallest_of_equals(validation, test):
    return _score(test, max([-math.inf, *(margin for margin, _, _ in validation)], key=lambda t: (_score(validation, t), -t)))


EXERCISES = (
    Exercise(
        id="07.1", title="From tokens back to text", level=1, signature="my_text(context, offsets, start, end)", solution=span_text,
        cases=(
            Case(("Ann sang to Bob.", [(0, 3), (4, 8), (9, 11), (12, 15), (15, 16)], 2, 3), "to Bob", "two tokens"),
            Case(("Ann sang to Bob.", [(0, 3), (4, 8), (9, 11), (12, 15), (15, 16)], 0, 0), "Ann", "one token"),
            Case(("In mid-1990s  Zürich", [(0, 2), (3, 6), (6, 7), (7, 12), (14, 20)], 1, 3), "mid-1990s", "pieces without blanks between them"),
            Case(("In mid-1990s  Zürich", [(0, 2), (3, 6), (6, 7), (7, 12), (14, 20)], 3, 4), "1990s  Zürich", "two blanks in the text"),
        ),
        hints=("`offsets[t]` says which characters token t stands for. Which two of these numbers do you need?",
               "The answer runs from the first character of token `start` to the end of token `end`, which belongs to it.",
               "`context[offsets[start][0] : offsets[end][1]]`"),
        reasoning="Tokens are counted with both ends included, characters with the end left out, as slices are: so the last token's own end closes the slice. "
                  "Cutting the text itself keeps capitals, accents and double blanks, which the tokens have lost.",
        mistakes=(
            Mistake("last token missing", _last_token_missing, "the last token is missing: its position is part of the span (end is inclusive, for tokens)"),
            Mistake("start of the last token", _start_of_last, "you stopped where the last token begins: go to where it ends"),
            Mistake("one character more", _one_character_more, "one character too many: an offset's end is exclusive already, as in a slice"),
            Mistake("pieces joined", _joined_pieces, "you joined the pieces with blanks: \"mid - 1990s\" is not in the text; cut the context itself"),
            Mistake("tokens as characters", _tokens_as_characters, "you used token positions as character positions: look them up in offsets"),
        )),
    Exercise(
        id="07.2", title="How many windows?", level=1, signature="a number", asks="value", solution=n_windows,
        cases=(Case(wanted=9, tolerance=0),),
        hints=("How many context tokens fit beside the question and the three special tokens?",
               "The first window takes 108. Each further one repeats 40 and brings 68 new ones.",
               "1 + ceil((600 - 108) / 68)"),
        reasoning="A window has room for 128 - 3 - 17 = 108 tokens of context, 40 of which were in the window before. 492 tokens are left after the first; "
                  "they take 7.2 steps of 68, so eight more windows.",
        mistakes=(
            Mistake("the question forgotten", 7, "you left the question out of account: it stands in every window and takes 17 tokens of it"),
            Mistake("the special tokens forgotten", 8, "you left the special tokens out of account: [CLS] and two [SEP] stand in every window"),
            Mistake("stride as step", 14, "you moved on by 40 tokens: stride is what neighbouring windows share here, so the step is what is left"),
            Mistake("no overlap", 6, "those windows do not overlap: an answer that lies across a border would be whole in none"),
        )),
    Exercise(
        id="07.3", title="From characters to token labels", level=2, signature="my_labels(offsets, sides, answer)", solution=token_labels,
        cases=(
            Case(([(0, 0), (0, 3), (4, 9), (0, 0), (0, 3), (4, 8), (9, 11), (12, 15), (0, 0)], [None, 0, 0, None, 1, 1, 1, 1, None], (4, 11)), [5, 6],
                 "an answer of two tokens"),
            Case(([(0, 0), (0, 3), (4, 9), (0, 0), (0, 3), (4, 8), (9, 11), (12, 15), (0, 0)], [None, 0, 0, None, 1, 1, 1, 1, None], (0, 3)), [4, 4],
                 "the question has the same offsets"),
            Case(([(0, 0), (0, 3), (0, 0), (20, 23), (24, 30), (30, 31), (0, 0)], [None, 0, None, 1, 1, 1, None], (8, 23)), [0, 0],
                 "the answer begins before this window"),
            Case(([(0, 0), (0, 3), (0, 0), (20, 23), (24, 30), (30, 31), (0, 0)], [None, 0, None, 1, 1, 1, None], (24, 36)), [0, 0],
                 "the answer ends after this window"),
            Case(([(0, 0), (0, 3), (0, 0), (20, 23), (24, 30), (30, 31), (0, 0)], [None, 0, None, 1, 1, 1, None], (24, 28)), [4, 4],
                 "the answer ends inside a token"),
            Case(([(0, 0), (0, 3), (0, 0), (20, 23), (24, 30), (30, 31), (0, 0)], [None, 0, None, 1, 1, 1, None], (24, 30)), [4, 4],
                 "the next token touches the answer's end"),
            Case(([(0, 0), (0, 3), (0, 0), (20, 23), (24, 30), (30, 31), (0, 0)], [None, 0, None, 1, 1, 1, None], (30, 31)), [5, 5],
                 "the token before touches the answer's start"),
            Case(([(0, 0), (0, 3), (0, 0), (20, 23), (24, 30), (30, 31), (0, 0)], [None, 0, None, 1, 1, 1, None], (26, 30)), [4, 4],
                 "the answer begins inside a token"),
        ),
        hints=("Look for the token that holds the answer's first character, and the one that holds its last. Which character is the last?",
               "Only tokens with side 1 are context: the question's offsets count in another text. If either token is missing, the answer is not whole here.",
               "`[t for t, side in enumerate(sides) if side == 1 and offsets[t][0] <= answer[1] - 1 < offsets[t][1]]`"),
        reasoning="The answer's end is exclusive, so its last character is answer[1] - 1. An answer that is only partly in the window would teach the model to "
                  "stop at a window's border; such a window is labelled as having no answer, at [CLS].",
        mistakes=(
            Mistake("question tokens", _question_tokens, "you took a token of the question: its offsets count in the question; ask for side 1"),
            Mistake("end exclusive in tokens", _end_exclusive_token, "your end is the token after the answer: both labels are tokens of the answer"),
            Mistake("end character included", _end_character_included, "you looked for the character at the answer's end, which is the first one after it"),
            Mistake("cut answers kept", _cut_answers_kept, "an answer that is only partly in this window got a label: it must be whole, else [0, 0]"),
            Mistake("-100 for none", _ignored_for_none, "-100 is for token labels: a window without the answer is labelled with [CLS], position 0"),
            Mistake("touching counts", _touching_counts, "you took a token that only touches the answer: a token's end is exclusive, so compare with <, not <="),
            Mistake("start must agree", _exact_start, "you asked that token and answer begin at the same character: an answer may begin inside a token"),
            Mistake("edges must agree", _exact_edges, "you asked that token and answer end at the same character: an answer may end inside a token"),
        )),
    Exercise(
        id="07.4", title="Normalise as SQuAD does", level=1, signature="my_normalise(text)", solution=squad_form,
        cases=(
            Case("The Senate!", "senate", "an article and a mark"),
            Case("at 8 A.M. sharp", "at 8 am sharp", "an abbreviation"),
            Case("An  apple,\ta day", "apple day", "blanks of several kinds"),
            Case("the theatre's mid-1990s banana", "theatres mid1990s banana", "articles inside words, a hyphen"),
            Case("a", "", "nothing is left"),
            Case("Les Étés", "les étés", "accents stay"),
            Case("“Help”", "“help”", "curly marks stay: string.punctuation has the 32 of ASCII"),
        ),
        hints=("Four steps, and their order matters: try \"A.M.\" with articles removed too early.",
               "Lower case, then marks deleted (not replaced), then articles as whole words, then single spaces.",
               "`string.punctuation` holds the marks; `re.sub(r\"\\b(a|an|the)\\b\", \" \", text)`; `\" \".join(text.split())`"),
        reasoning="The order is part of the metric. With articles removed first \"A.M.\" loses its A; with marks replaced by blanks \"U.S.\" becomes two words. "
                  "Neither is better English; both give other scores than everybody else's.",
        mistakes=(
            Mistake("articles first", _articles_first, "you removed articles before the marks: the \"a\" of \"A.M.\" went too; delete the marks first"),
            Mistake("lower case last", _lower_last, "\"The\" is still there: turn to lower case before you look for articles"),
            Mistake("marks to blanks", _marks_to_blanks, "you replaced marks by blanks, so that one word became two: delete them"),
            Mistake("articles inside words", _inside_words, "you removed articles inside of words (\"theatre\", \"banana\"): only whole words go"),
            Mistake("only the", _only_the, "\"a\" and \"an\" are articles too"),
            Mistake("blanks left", _blanks_left, "double blanks or tabs are left: split and join with single spaces"),
            Mistake("articles kept", _no_articles_removed, "the articles are still there"),
            Mistake("all marks deleted", _letters_and_digits, "you deleted every mark: only those of string.punctuation go, so curly quotation marks stay"),
        )),
    Exercise(
        id="07.5", title="Word F1 against several answers", level=2, signature="my_f1(prediction, answers)", solution=best_f1,
        cases=(
            Case(("new york senate", ["senate of new york"]), 6 / 7, "3 words in common, of 3 and 4"),
            Case(("york york bank", ["new york york"]), 2 / 3, "a repeated word"),
            Case(("york york", ["new york"]), 0.5, "a word said more often than wanted"),
            Case(("bush", ["vice president bush", "bush"]), 1.0, "the second answer fits"),
            Case(("vice president", ["president", "vice president bush", "bush"]), 0.8, "three answers"),
            Case(("", []), 1.0, "rightly no answer"),
            Case(("bush", []), 0.0, "an answer where there is none"),
            Case(("", ["bush"]), 0.0, "no answer where there is one"),
        ),
        hints=("The best-fitting answer counts. No answers at all is the same as the one answer \"\".",
               "Count a word as often as it is in both: `collections.Counter(a) & collections.Counter(b)`. With an empty side, F1 is 1 if both are empty, else 0.",
               "`2 * both / (len(said) + len(wanted))` for each answer, then `max`"),
        reasoning="Precision is both / said and recall both / wanted; their harmonic mean is 2 both / (said + wanted). People mark answers "
                  "differently, so the nearest of theirs is the fair one to compare with.",
        mistakes=(
            Mistake("sets of words", _as_sets, "you compared sets of words: a word counts as often as it stands in both"),
            Mistake("every repeat counts", _every_repeat, "you counted each said word that is somewhere in the answer: it counts only as often as it stands there"),
            Mistake("mean over answers", _mean_over_answers, "you averaged over the answers: the best-fitting one counts"),
            Mistake("first answer only", _first_answer, "you looked at the first answer only: any of them will do"),
            Mistake("precision", _precision, "that is precision: words of the answer that were missed must count too"),
            Mistake("recall", _recall, "that is recall: words too many must count too"),
            Mistake("no answer earns nothing", _empty_is_nothing, "saying nothing where there is no answer is right: it earns 1"),
            Mistake("exact match", _exact, "that is exact match: F1 gives credit for the words in common"),
        )),
    Exercise(
        id="07.6", title="The best possible span", level=3, signature="my_span(start, end, inside, longest)", solution=possible_span,
        cases=(
            Case(([0.0, 1.0, 5.0, 2.0], [0.0, 6.0, 1.0, 1.5], [False, True, True, True], 3), [1, 1], "the best end stands before the best start"),
            Case(([9.0, 8.0, 1.0, 0.5], [9.0, 8.0, 0.0, 2.0], [False, False, True, True], 3), [2, 3], "[CLS] and the question score highest"),
            Case(([0.0, 4.0, 0.0, 0.0, 3.0], [0.0, 0.0, 1.0, 0.0, 5.0], [False, True, True, True, True], 3), [4, 4], "the two best are far apart"),
            Case(([0.0, 4.0, 0.0, 0.0, 3.0], [0.0, 0.0, 1.0, 0.0, 5.0], [False, True, True, True, True], 4), [1, 4], "the same, a token more allowed"),
            Case(([0.0, 3.0, 0.0], [0.0, 3.0, 1.0], [False, True, True], 2), [1, 1], "one token"),
            Case(([0.0, 5.0, 4.0, 0.0], [0.0, 0.0, 0.0, 7.0], [False, True, True, True], 2), [2, 3], "the best start has no near end"),
            Case(([5.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 5.0], [True] * 4, 2), [0, 1], "the best end has no near start"),
            Case(([5.0, 0.0, 3.0, 0.0, 1.0, 2.0], [0.0, 1.0, 0.0, 0.0, 4.0, 7.0], [True] * 6, 2), [5, 5], "all context"),
        ),
        hints=("A span is a pair: score pairs, not ends.", "Which pairs can be answers? Four conditions: both inside, s <= e, and not too long.",
               "Two loops: s over all places, e from s to s + longest - 1; keep the pair with the largest start[s] + end[e]."),
        reasoning="The sum is compared over possible pairs only, so the best start may lose to a lesser one that has a good end after it. Two nested loops "
                  "over T tokens take T · longest steps; the package does the same with one matrix.",
        mistakes=(
            Mistake("each by itself", _each_by_itself, "you took the best start and the best end each by itself: together they need not be a span"),
            Mistake("start first", _start_then_end, "you fixed the best start before looking at ends: a lesser start with a better end can score higher"),
            Mistake("end first", _end_then_start, "you fixed the best end before looking at starts: a lesser end with a better start can score higher"),
            Mistake("start after end", _end_first_allowed, "your span ends before it starts: only pairs with s <= e are spans"),
            Mistake("question tokens allowed", _question_allowed, "your span lies in the question or on [CLS]: both ends must be inside the context"),
            Mistake("no longest", _any_length, "your span is longer than allowed: at most `longest` tokens, both ends counted"),
            Mistake("two tokens at least", _two_at_least, "an answer may be a single token: s = e is a span"),
            Mistake("one too long", _one_too_long, "your span has one token too many: e - s must be less than `longest`"),
        )),
    Exercise(
        id="07.7", title="A threshold, and the score it earns", level=3, signature="my_test_score(validation, test)", solution=test_score,
        cases=(
            Case(([(-3.0, 1.0, True), (-1.0, 0.5, True), (2.0, 0.0, False), (3.0, 0.2, True)], [(-2.0, 1.0, True), (1.0, 0.8, True), (4.0, 0.0, False)]), 2 / 3,
                 "threshold -1"),
            Case(([(1.0, 1.0, True), (2.0, 0.0, False), (5.0, 1.0, True)], [(0.5, 1.0, True), (1.5, 0.0, False), (3.0, 0.0, False), (6.0, 0.9, True)]), 0.25,
                 "two thresholds are equally good on validation"),
            Case(([(-1.0, 0.0, False), (0.0, 0.0, False), (1.0, 0.0, True)], [(-5.0, 1.0, True), (0.5, 0.0, False), (2.0, 0.0, False)]), 2 / 3,
                 "better to answer nothing"),
            Case(([(-4.0, 0.9, True), (-2.0, 0.0, False), (-1.0, 0.8, True), (0.5, 0.0, False)], [(-3.0, 0.7, True), (-1.5, 0.0, False), (-0.5, 0.6, True), (1.0, 0.0, False)])),
        ),
        hints=("Two steps: choose on validation, then score test with what was chosen. Test must not take part in the choice.",
               "With a threshold t, a question of margin <= t is answered and earns its F1 (0 if it has no answer); the others earn 1 if they have none, else 0.",
               "`max(thresholds, key=lambda t: (score(validation, t), t))`, with -inf among them, then `score(test, chosen)`"),
        reasoning="The threshold is a setting like any other: chosen on validation, applied once to test. Choosing it on test can only raise the score, "
                  "and says nothing about the next question.",
        mistakes=(
            Mistake("threshold from test", _from_test, "you chose the threshold on the test questions: that score is too good; choose on validation"),
            Mistake("threshold 0", _at_zero, "you took 0 as the threshold: where a model's margins lie is known only from validation"),
            Mistake("minus infinity left out", _no_minus_infinity, "you tried only the margins: to answer nothing at all must be among the choices"),
            Mistake("always answers", _always_answers, "you answered every question: above the threshold no answer is given"),
            Mistake("validation's score", _validation_score, "that is the score on validation: apply the chosen threshold to test"),
            Mistake("the wrong way round", _the_wrong_way, "you answered where the margin is large: a large margin means that [CLS] won, no answer"),
            Mistake("no credit for silence", _no_credit, "an unanswerable question that was left unanswered earns 1"),
            Mistake("smallest of equals", _smallest_of_equals, "of equally good thresholds you took the smallest: the largest was asked for, which answers more"),
        )),
)

QUIZ = (
    Question("A model has exact match 0.31 and F1 0.55 on answerable questions. What does the gap say?", (
        Choice("it often finds the right place but other borders than the people did", "Words in common without an exact match mean answers too long, too short or shifted.", right=True),
        Choice("it answers unanswerable questions", "Those are not among the answerable ones."),
        Choice("its threshold is wrong", "Silence scores 0 by both. The gap comes from answers that were given and share some of the words."),
        Choice("the metric has a fault", "F1 is at least exact match, question by question."))),
    Question("Windows of 128 tokens are cut from long contexts with stride 0. What goes wrong?", (
        Choice("nothing: every token is in one window", "Every token is, but not every answer."),
        Choice("an answer that lies across a border is whole in no window", "Such a question gets [CLS] labels everywhere, and cannot be answered.", right=True),
        Choice("the question is missing in all but the first", "It stands in every window."),
        Choice("the windows are too long for the model", "128 is well within its 512 positions."))),
    Question("A window does not hold the answer. What is its label, and why?", (
        Choice("-100: it is left out of the loss", "Then nothing would teach the model to say \"not here\", which it must say of most windows of a long text."),
        Choice("the nearest words in the window", "That would teach it to answer wrongly with confidence."),
        Choice("start and end at [CLS]: \"nothing here\" is something to learn", "And the score at [CLS] is what the no-answer decision is read from.", right=True))),
    Question("A quarter of the test questions have no answer. A model scores F1 0.25 on all of them. What do you look at first?", (
        Choice("whether it ever answers", "Saying nothing every time earns exactly the share of unanswerable questions.", right=True),
        Choice("its learning rate", "Later. First rule out the constant answer."),
        Choice("its exact match, which must be higher", "It cannot be: F1 is at least exact match."),
        Choice("the ten worst cases", "They tell little if the answer is the same for all."))),
    Question("You try five thresholds on the test questions and report the best. What is wrong?", (
        Choice("five are too few", "More would make it worse."),
        Choice("thresholds are chosen on train", "Not there either: the model has seen those questions, and its margins there are other ones."),
        Choice("nothing, since the model's weights did not change", "The threshold is part of the system, and it has now seen the answers."),
        Choice("the test took part in a choice, so its score is too kind", "Choose on validation, then score the test once.", right=True))),
)

RECALL = (
    Recall("03", "What are `token_type_ids` for, and which token stands between two texts?",
           "They tell the first text (0) from the second (1). [SEP] stands between them and at the end."),
    Recall("04", "A span head has two outputs a token. Over what is the softmax of its loss taken?",
           "Over the positions of a row: which token is the first, and, separately, which is the last."),
    Recall("05", "The best checkpoint was picked on validation. Which score do you report, and why not validation's?",
           "The test's, scored once. Validation's is the best of several, so it flatters."),
)
