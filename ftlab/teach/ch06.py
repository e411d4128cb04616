"""Exercises, quiz and recall questions of chapter 06: named entities."""

from __future__ import annotations

import math

import torch

from .content import Case, Choice, Exercise, Mistake, Question, Recall


def tags_of_names(n_words, names):
    tags = ["O"] * n_words
    for first, end, kind in names:
        tags[first] = "B-" + kind
        for i in range(first + 1, end):  # end is one past the last word
            tags[i] = "I-" + kind
    return tags


def _end_included(n_words, names):
    return tags_of_names(n_words, [(first, min(end + 1, n_words), kind) for first, end, kind in names])


def _one_short(n_words, names):
    return tags_of_names(n_words, [(first, max(end - 1, first + 1), kind) for first, end, kind in names])


def _all_inside(n_words, names):
    return [tag.replace("B-", "I-") for tag in tags_of_names(n_words, names)]


def _all_begin(n_words, names):
    return [tag.replace("I-", "B-") for tag in tags_of_names(n_words, names)]


def _bare_types(n_words, names):
    return [tag.removeprefix("B-").removeprefix("I-") for tag in tags_of_names(n_words, names)]


def _first_name_only(n_words, names):
    return tags_of_names(n_words, names[:1])


def outputs_of_a_tagger():
    types = 18
    return 1 + 2 * types


def labels_of_pieces(word_ids, word_labels):
    labels, before = [], None
    for word in word_ids:
        labels.append(-100 if word is None or word == before else word_labels[word])
        before = word
    return labels


def _every_piece(word_ids, word_labels):
    return [-100 if word is None else word_labels[word] for word in word_ids]


def _special_are_o(word_ids, word_labels):
    return [0 if word is None else label for word, label in zip(word_ids, labels_of_pieces(word_ids, word_labels))]


def _pieces_are_o(word_ids, word_labels):
    return [0 if word is not None and label == -100 else label for word, label in zip(word_ids, labels_of_pieces(word_ids, word_labels))]


def _no_ignoring(word_ids, word_labels):
    return [0 if label == -100 else label for label in labels_of_pieces(word_ids, word_labels)]


def _by_place(word_ids, word_labels):
    padded = list(word_labels) + [-100] * len(word_ids)
    return padded[: len(word_ids)]


def _last_piece(word_ids, word_labels):
    return [-100 if word is None or after == word else word_labels[word] for word, after in zip(word_ids, [*word_ids[1:], None])]


def _changed_labels_only(word_ids, word_labels):
    labels, before = [], None
    for word in word_ids:
        label = -100 if word is None else word_labels[word]
        labels.append(-100 if label == before else label)
        before = label
    return labels


def token_loss(logits, labels):
    at = labels != -100  # (B, T)
    log_p = torch.log_softmax(logits[at], -1)  # (N, C): the N labelled pieces of the whole batch
    return -log_p[torch.arange(len(log_p)), labels[at]].mean()  # ()


def _all_positions(logits, labels):
    at = labels != -100
    log_p = torch.log_softmax(logits, -1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]  # (B, T)
    return -(log_p * at).sum() / labels.numel()


def _ignored_as_o(logits, labels):
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.clamp(min=0).flatten())


def _mean_of_sentences(logits, labels):
    return torch.stack([token_loss(row[None], label[None]) for row, label in zip(logits, labels)]).mean()


def _summed_tokens(logits, labels):
    return token_loss(logits, labels) * (labels != -100).sum()


def _over_tokens(logits, labels):
    at = labels != -100
    log_p = torch.log_softmax(logits, 1)[at]
    return -log_p[torch.arange(len(log_p)), labels[at]].mean()


def _wraps_around(logits, labels):
    log_p = torch.log_softmax(logits, -1)
    return -log_p.gather(-1, (labels % logits.shape[-1])[..., None]).mean()


def names_of_tags(tags):
    names, before = [], "O"
    for i, tag in enumerate(tags):
        if tag != "O":
            goes_on = tag[0] == "I" and before != "O" and before[2:] == tag[2:]
            first = names.pop()[0] if goes_on else i
            names.append((first, i + 1, tag[2:]))
        before = tag
    return names


def _after_o_dropped(tags):
    names, open_ = [], False
    for i, tag in enumerate(tags):
        if tag[0] == "B":
            names.append((i, i + 1, tag[2:]))
            open_ = True
        elif tag[0] == "I" and open_ and names[-1][2] == tag[2:]:
            names[-1] = (names[-1][0], i + 1, tag[2:])
        else:
            open_ = False
    return names


def _end_is_last(tags):
    return [(first, end - 1, kind) for first, end, kind in names_of_tags(tags)]


def _last_name_lost(tags):
    return [name for name in names_of_tags(tags) if name[1] < len(tags)]


def _runs_of_type(tags):
    return names_of_tags([tag.replace("B-", "I-") for tag in tags])


def _type_not_looked_at(tags):
    names, before = [], "O"
    for i, tag in enumerate(tags):
        if tag[0] == "I" and before != "O":
            names[-1] = (names[-1][0], i + 1, names[-1][2])
        elif tag != "O":
            names.append((i, i + 1, tag[2:]))
        before = tag
    return names


def _gap_bridged(tags: list[str]) -> list[tuple[int, int, str]]:
    names: list[tuple[int, int, str]] = []
    for i, tag in enumerate(tags):
        if tag[0] == "I" and names and names[-1][2] == tag[2:]:
            names[-1] = (names[-1][0], i + 1, tag[2:])
        elif tag != "O":
            names.append((i, i + 1, tag[2:]))
    return names


def _each_word_a_name(tags):
    return [(i, i + 1, tag[2:]) for i, tag in enumerate(tags) if tag != "O"]


def entity_f1(predicted, wanted):
    right = sum(len(set(p) & set(w)) for p, w in zip(predicted, wanted))
    n = sum(map(len, predicted)) + sum(map(len, wanted))
    return 2 * right / n if n else 0.0


def _partial_credit(predicted, wanted):
    right = 0
    for ps, ws in zip(predicted, wanted):
        right += sum(any(p[2] == w[2] and p[0] < w[1] and w[0] < p[1] for p in ps) for w in ws)
    n = sum(map(len, predicted)) + sum(map(len, wanted))
    return 2 * right / n if n else 0.0


def _words_of_names(predicted, wanted):
    def words(names):
        return {(i, kind) for first, end, kind in names for i in range(first, end)}

    pairs = [(words(p), words(w)) for p, w in zip(predicted, wanted)]
    n = sum(len(p) + len(w) for p, w in pairs)
    return 2 * sum(len(p & w) for p, w in pairs) / n if n else 0.0


def _type_left_out(predicted, wanted):
    right = sum(len({p[:2] for p in ps} & {w[:2] for w in ws}) for ps, ws in zip(predicted, wanted))
    n = sum(map(len, predicted)) + sum(map(len, wanted))
    return 2 * right / n if n else 0.0


def _start_left_out(predicted: list, wanted: list) -> float:
    right = sum(len({name[1:] for name in ps} & {name[1:] for name in ws}) for ps, ws in zip(predicted, wanted))
    n = sum(map(len, predicted)) + sum(map(len, wanted))
    return 2 * right / n if n else 0.0


def _mean_over_sentences(predicted, wanted):
    return sum(entity_f1([p], [w]) for p, w in zip(predicted, wanted)) / len(wanted)


def _empty_is_perfect(predicted, wanted):
    return sum(entity_f1([p], [w]) if p or w else 1.0 for p, w in zip(predicted, wanted)) / len(wanted)


def _one_set(predicted, wanted):
    p, w = {name for names in predicted for name in names}, {name for names in wanted for name in names}
    return 2 * len(p & w) / (len(p) + len(w)) if p or w else 0.0


def _recall_only(predicted, wanted):
    n = sum(map(len, wanted))
    return sum(len(set(p) & set(w)) for p, w in zip(predicted, wanted)) / n if n else 0.0


def _precision_only(predicted, wanted):
    return _recall_only(wanted, predicted)


def _no_guard(predicted, wanted):
    right = sum(len(set(p) & set(w)) for p, w in zip(predicted, wanted))
    return 2 * right / (sum(map(len, predicted)) + sum(map(len, wanted)))


LOGITS = torch.tensor([[[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 1.0, 3.0], [1.0, 1.0, 0.0]], [[0.5, 0.0, 0.0], [0.0, 2.0, 1.0], [9.0, 0.0, 0.0], [0.0, 0.0, 9.0]]])

EXERCISES = (
    Exercise(
        id="06.1", title="One tag a word", level=1, signature="my_tags(n_words, names)", solution=tags_of_names,
        cases=(
            Case((4, [(1, 3, "PER")]), ["O", "B-PER", "I-PER", "O"], "one name of two words"),
            Case((3, []), ["O", "O", "O"], "no name"),
            Case((5, [(0, 1, "LOC"), (1, 4, "ORG")]), ["B-LOC", "B-ORG", "I-ORG", "I-ORG", "O"], "two names that touch"),
            Case((4, [(2, 4, "PER")]), ["O", "O", "B-PER", "I-PER"], "a name at the end"),
            Case((4, [(0, 2, "LOC"), (2, 4, "LOC")]), ["B-LOC", "I-LOC", "B-LOC", "I-LOC"], "two names of one type that touch"),
        ),
        hints=("Start with O for every word, then write the names over it.", "The first word of a name gets B-, the words after it, up to end - 1, get I-.",
               "`tags[first] = \"B-\" + kind`, then `for i in range(first + 1, end): tags[i] = \"I-\" + kind`."),
        reasoning="`end` is one past the last word, as in Python's own ranges, so `end - first` is the number of words. B- on the first word is what keeps "
                  "two names apart that touch.",
        mistakes=(
            Mistake("end included", _end_included, "your names are one word too long: `end` is one past the last word, so the word at `end` is outside"),
            Mistake("one short", _one_short, "your names end one word early: `end` is exclusive already, so the last word is `end - 1`"),
            Mistake("only I-", _all_inside, "no name begins: the first word of each name gets B-, or two that touch melt into one"),
            Mistake("only B-", _all_begin, "every word begins a name of its own: the words after the first get I-"),
            Mistake("bare types", _bare_types, "the type alone does not say where a name begins: put B- or I- before it"),
            Mistake("first name only", _first_name_only, "only the first name is tagged: go through all of them"),
        )),
    Exercise(
        id="06.2", title="How many outputs?", level=1, signature="a number", asks="value", solution=outputs_of_a_tagger,
        cases=(Case(wanted=37, tolerance=0),),
        hints=("Each type needs two tags.", "And one tag belongs to no type.", "2 · 18, and O."),
        reasoning="B- and I- for each of 18 types, and O: 37. The head is a layer of 37 outputs, the same for every piece.",
        mistakes=(
            Mistake("no O", 36, "that is B- and I- of every type: the words outside of names need an output too"),
            Mistake("one a type", 18, "that is one a type: B- and I- are two outputs, and O is one more"),
            Mistake("no B and I", 19, "that is one a type and O: with B- and I- each type has two"),
            Mistake("two O", 38, "that is two tags for O: it has no beginning and no inside"),
        )),
    Exercise(
        id="06.3", title="From words to pieces", level=2, signature="my_labels(word_ids, word_labels)", solution=labels_of_pieces,
        cases=(
            Case(([None, 0, 1, 1, 1, 2, None], [0, 3, 0]), [-100, 0, 3, -100, -100, 0, -100], "a word of three pieces"),
            Case(([None, 0, None], [5]), [-100, 5, -100], "one word"),
            Case(([None, 0, 0, 1, 1, None], [1, 2]), [-100, 1, -100, 2, -100, -100], "a name of two words, each in two pieces"),
            Case(([None, 0, 1, 2, None, None, None], [7, 8, 8]), [-100, 7, 8, 8, -100, -100, -100], "two words with the same label, and padding"),
            Case(([None, 0, 2, 2, None], [1, 4, 3]), [-100, 1, 3, -100, -100], "a word that has no piece"),
        ),
        hints=("Look at each piece together with the piece before it.", "None, or the same word as before: -100. Else the label of that word.",
               "Keep `before`, the word of the last piece: `-100 if word is None or word == before else word_labels[word]`."),
        reasoning="A word is one decision, so it gets one label; the other pieces are left out of the loss by -100. Going by the word's number, not "
                  "by place, also survives words that the tokenizer drops.",
        mistakes=(
            Mistake("every piece", _every_piece, "you labelled every piece: a word of five pieces would count five times; only its first piece is labelled"),
            Mistake("special tokens labelled", _special_are_o, "special tokens ([CLS], [SEP], padding) got a label: they stand for no word, so -100"),
            Mistake("later pieces are O", _pieces_are_o,
                    "the later pieces of a word are labelled O: the model would learn that names end after a piece; they get -100"),
            Mistake("-100 forgotten", _no_ignoring, "-100 is nowhere: what has no label must be left out of the loss, and 0 means O"),
            Mistake("by place", _by_place, "you went by place, not by word: [CLS] and every cut word move the labels away from their words"),
            Mistake("last piece", _last_piece, "you labelled the last piece of each word: the course, like BERT's authors, takes the first"),
            Mistake("equal labels", _changed_labels_only,
                    "you compared labels, not words: the second word of a name, or any two neighbours of one label, lost theirs"),
        )),
    Exercise(
        id="06.4", title="The loss of a tagger", level=2, signature="my_token_loss(logits, labels)", solution=token_loss, differentiable=True,
        cases=(
            Case((torch.zeros(1, 3, 4), torch.tensor([[-100, 2, -100]])), math.log(4), "one labelled piece of three"),
            Case((LOGITS, torch.tensor([[-100, 0, 2, -100], [-100, 1, -100, -100]])), name="sentences with two labels and one"),
            Case((torch.tensor([[[0.0, 0.0], [0.0, math.log(3.0)], [50.0, 0.0]]]), torch.tensor([[0, 1, -100]])),
                 (math.log(2) + math.log(4 / 3)) / 2, "a confident piece without a label"),
        ),
        hints=("Choose the labelled pieces first, then it is the cross-entropy of chapter 04.", "`logits[labels != -100]` is (N, C).",
               "`log_softmax(-1)` of those, pick the right class of each row, minus, mean over the N."),
        reasoning="Selecting with a boolean mask flattens (B, T, C) to (N, C), whatever the padding. The mean is over the labels of the whole batch: a long "
                  "sentence counts for more, as it has more words to get right.",
        mistakes=(
            Mistake("mean over all positions", _all_positions, "you divided by B times T: padding and later pieces are in the mean; divide by the number of labels"),
            Mistake("-100 taken for O", _ignored_as_o, "positions with -100 count as class 0: leave them out altogether"),
            Mistake("mean of means", _mean_of_sentences, "you averaged within each sentence first: then a sentence with one label weighs as much as one with thirty"),
            Mistake("sum", _summed_tokens, "you added up: take the mean over the labelled pieces"),
            Mistake("softmax over tokens", _over_tokens, "your softmax runs over the tokens: it belongs over the classes, the last dimension"),
            Mistake("-100 as an index", _wraps_around, "-100 was used as the number of a class: it is a mark, choose the other positions first"),
        )),
    Exercise(
        id="06.5", title="From tags to names", level=3, signature="my_names(tags)", solution=names_of_tags,
        cases=(
            Case((["O", "B-PER", "I-PER", "O"],), [(1, 3, "PER")], "one name"),
            Case((["B-LOC", "B-LOC", "I-LOC"],), [(0, 1, "LOC"), (1, 3, "LOC")], "two names that touch, to the end"),
            Case((["O", "I-ORG", "I-ORG", "O", "B-PER"],), [(1, 3, "ORG"), (4, 5, "PER")], "I- after O"),
            Case((["B-PER", "I-LOC", "I-LOC", "O"],), [(0, 1, "PER"), (1, 3, "LOC")], "I- of another type"),
            Case((["O", "O"],), [], "no name"),
            Case((["I-MISC", "I-MISC"],), [(0, 2, "MISC")], "I- at the start"),
            Case((["B-PER", "O", "I-PER"],), [(0, 1, "PER"), (2, 3, "PER")], "I- after a gap"),
        ),
        hints=("Go through the tags and decide at each one: does it begin a name, go on with one, or neither?",
               "It goes on if it is I- and the tag before it is not O and has the same type. Every other B- or I- begins a name.",
               "When it goes on, replace the last name: `first = names.pop()[0]`; then append `(first, i + 1, tag[2:])`."),
        reasoning="A model picks each tag by itself, so an I- may come first. Reading it as a beginning (as the CoNLL scorer does) keeps the find; "
                  "dropping it would throw names away. Comparing types splits a name where the model changes its mind.",
        mistakes=(
            Mistake("I- after O dropped", _after_o_dropped, "an I- that follows no name was dropped: a model says such things, and here it begins a name"),
            Mistake("end is the last word", _end_is_last, "your ends are the last word's number: they should be one past it, so that `tags[first:end]` is the name"),
            Mistake("last name lost", _last_name_lost, "a name that reaches the last word is lost: nothing after it closes it, so close it when the tags end"),
            Mistake("B- not looked at", _runs_of_type, "two names that touch came out as one: B- always begins a new name"),
            Mistake("type not looked at", _type_not_looked_at, "an I- of another type went on with the name before it: a change of type begins a new name"),
            Mistake("gap bridged", _gap_bridged, "an I- after O went on with a name that had ended: look at the tag before it, not at the last name"),
            Mistake("each word a name", _each_word_a_name, "each word came out as a name: an I- after a tag of its type goes on with that name"),
        )),
    Exercise(
        id="06.6", title="F1 of names", level=3, signature="my_f1(predicted, wanted)", solution=entity_f1,
        cases=(
            Case(([[(0, 2, "PER")]], [[(0, 2, "PER"), (3, 4, "LOC")]]), 2 / 3, "one of two found"),
            Case(([[(0, 1, "PER")], [(5, 6, "LOC")]], [[(0, 2, "PER")], [(5, 6, "LOC")]]), 0.5, "one name cut short"),
            Case(([[(0, 1, "ORG"), (2, 3, "PER")]], [[(0, 1, "LOC"), (2, 3, "PER")]]), 0.5, "one type wrong"),
            Case(([[], [(1, 2, "PER")], []], [[], [(1, 2, "PER"), (4, 7, "ORG"), (8, 9, "LOC")], []]), 0.5, "sentences without a name"),
            Case(([[(0, 1, "PER")], [(0, 1, "PER")], [(2, 3, "LOC")]], [[(0, 1, "PER")], [], [(2, 3, "LOC")]]), 0.8, "the same place in several sentences"),
            Case(([[], []], [[], []]), 0.0, "no name anywhere"),
            Case(([[(1, 3, "ORG")], [(5, 6, "LOC")]], [[(0, 3, "ORG")], [(5, 6, "LOC")]]), 0.5, "one name begun late"),
        ),
        hints=("Count three things over all sentences: names predicted, names wanted, names that are in both.",
               "A name is right only if first, end and type agree: as tuples in sets, `&` finds those, sentence by sentence.",
               "`2 * right / (n_predicted + n_wanted)`, and 0.0 if both are 0."),
        reasoning="Counting over the whole split first, and dividing once, is the micro average: a mean over sentences would let the many sentences without a name decide. "
                  "Sets must be intersected sentence by sentence: (0, 1, PER) of one sentence is not that of another.",
        mistakes=(
            Mistake("partial credit", _partial_credit, "a name that only overlaps was counted as found: both ends and the type must be right"),
            Mistake("words instead of names", _words_of_names, "you counted words: a name of five words would weigh five times, and half a name would earn something"),
            Mistake("type left out", _type_left_out, "you compared the ends only: the type must be right too"),
            Mistake("start left out", _start_left_out, "you compared end and type only: the first word must be right too"),
            Mistake("mean over sentences", _mean_over_sentences, "you averaged the F1 of sentences: count over all of them, then divide once"),
            Mistake("empty is perfect", _empty_is_perfect, "sentences without a name were counted as perfect: they hold nothing to find, and would flatter the mean"),
            Mistake("one set for all", _one_set, "names of different sentences fell together: the same place in another sentence is another name"),
            Mistake("recall", _recall_only, "that is the recall: wrong finds cost nothing in it; F1 divides by predicted and wanted together"),
            Mistake("precision", _precision_only, "that is the precision: missed names cost nothing in it; F1 divides by predicted and wanted together"),
            Mistake("division by nothing", _no_guard, "with no name anywhere you divide by 0: the score is 0 by convention"),
        )),
)

QUIZ = (
    Question("A tagger has a token accuracy of 0.92 on editorials, where 92% of the words are outside of names. What do you know about it?", (
        Choice("It finds about nine names of ten", "It may find none: O for every word scores just that."),
        Choice("Its F1 is about 0.92", "F1 counts whole names; accuracy counts words, most of them O."),
        Choice("Next to nothing: O for every word would score the same", "So compare with the majority, and report the F1 of names.", right=True),
        Choice("It is overfitted", "That would take two splits to say."))),
    Question("\"Zbigniew\" is a person's first name and is cut into four pieces. What are their labels?", (
        Choice("B-PER, -100, -100, -100", "One word, one label, at its first piece.", right=True),
        Choice("B-PER, I-PER, I-PER, I-PER", "Some do this; then a word counts by its pieces, and their tags may contradict each other."),
        Choice("B-PER, O, O, O", "That teaches that a name ends inside a word."),
        Choice("B-PER four times", "That says four names begin."))),
    Question("The model says O I-LOC I-LOC. What is done with it here?", (
        Choice("It is an error, and stops the evaluation", "Models say such things all the time: tags are chosen one by one."),
        Choice("The two words are taken for O", "That is the strict reading: the find would be lost."),
        Choice("It is asked again", "It would say the same."),
        Choice("The first I- is read as B-: one name of two words", "As the CoNLL scorer does. The rule must be stated, for it moves the score.", right=True))),
    Question("Wanted: [New York Times ORG]. Predicted: [New York LOC]. How many mistakes is that in precision and recall?", (
        Choice("Half a mistake: two words of three are right", "Nothing is earned for a part."),
        Choice("One false find and one missed name", "A name with a wrong end or type is punished twice, once in precision and once in recall.", right=True),
        Choice("One missed name only", "The predicted name is there too, and it is wrong."),
        Choice("None: New York was found", "It is another name, of another type."))),
    Question("Why are the splits made by article and not by sentence?", (
        Choice("Articles are of equal length", "They are not, and it would not matter."),
        Choice("So that training goes faster", "The number of sentences is the same."),
        Choice("A name comes back all through an article: by sentence, the test would ask for names already seen",
               "The score would say how well it remembers.", right=True),
        Choice("Because BIO tags need whole articles", "A sentence is enough for them."))),
)

RECALL = (
    Recall("03", "What does WordPiece do with a word that is not in the vocabulary?",
           "It cuts it into the longest pieces that are, from the left; pieces after the first start with ##."),
    Recall("04", "What is the shape of a token classifier's logits, and how many weights does its head have for C classes?",
           "(B, T, C): one row of scores for each token. H · C weights and C biases, the same for every token."),
    Recall("05", "A model of MRPC scores 0.684. Why is that no success?",
           "It is the share of the commonest class: answering it every time scores the same. A score is worth its distance from the majority."),
)
