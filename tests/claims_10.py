"""Numbers stated in chapter 10, as the stored study has them."""

from ftlab.studies import tuning
from ftlab.tasks.glue import TASKS as GLUE

STUDY = "tuning"
TASKS = {"easy": tuning.EASY, "hard": tuning.HARD, "rte": tuning.RTE, "cola": tuning.COLA}
SHORT = {"frozen": "frozen", "apart": "frozen, apart", "head": "head", "biases": "biases", "lora8": "lora 8", "last1": "last 1", "last4": "last 4",
         "full": "full", "decay": "full, layer decay"}


def seeds(r, task, method):
    method = SHORT.get(method, method)
    return {"stage": "seeds", "task": TASKS[task], "method": method, "rate": tuning.best_rate(r.runs, TASKS[task], method)}


def mean(task, method, score="accuracy"):
    show = "{:.2f}" if score == "matthews" else "{:.1%}"

    def claim(r):
        values = list(r.values(score, **seeds(r, task, method)).values())
        return show.format(sum(values) / len(values))

    return claim


def minus(task, method, base="full"):
    """Difference in points."""
    return lambda r: f"{100 * r.compare('accuracy', seeds(r, task, method), seeds(r, task, base)).difference.mean:+.1f}"


def searched(method, rate=None):
    def claim(r):
        runs = r.pick(stage="search", task=tuning.EASY, method=SHORT[method], rate=rate or tuning.best_rate(r.runs, tuning.EASY, SHORT[method]))
        return f"{sum(run['scores']['validation'] for run in runs) / len(runs):.1%}"

    return claim


def longer(method, seeds):
    def claim(r):
        found = r.values("accuracy", stage="longer", task=tuning.HARD, method=SHORT[method])
        return f"{sum(found[seed] for seed in seeds) / len(seeds):.1%}"

    return claim


CLAIMS = {
    "longer_lora8": longer("lora8", (0, 1, 2, 9)), "longer0_full": longer("full", (0,)), "longer1_full": longer("full", (1,)),
    **{f"{task}_{method}": mean(task, method) for task in ("easy", "hard") for method in ("frozen", "lora8", "full")},
    "hard_last1": mean("hard", "last1"), "hard_apart": mean("hard", "apart"),
    **{f"s_{method}": searched(method, 1e-3) for method in ("last4", "last1", "lora8", "biases", "full")},
    **{f"b_{method}": searched(method) for method in ("last4", "lora8", "biases", "full")},
    **{f"d_{task}_{method}": minus(task, method) for task in ("easy", "hard") for method in ("lora8", "biases", "head", "decay")},
    "d_easy_last4": minus("easy", "last4"), **{f"d_{task}_lora_last1": minus(task, "lora8", "last 1") for task in ("easy", "hard")}, "d_hard_last1": minus("hard", "last1"),
    **{f"d_{task}_rank": minus(task, "lora 32", "lora 2") for task in ("easy", "hard")},
    **{f"rte_{method}": mean("rte", method) for method in ("full", "lora8", "biases", "frozen")},
    "rte_floor": lambda r: f"{GLUE['rte'].majority['accuracy']:.1%}",
    **{f"cola_{method}": mean("cola", method, "matthews") for method in ("full", "lora8", "biases", "frozen")},
}
