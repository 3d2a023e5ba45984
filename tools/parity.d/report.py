"""Comparisons as tables, for the terminal and as Markdown."""
import datetime
import os
import platform

import numpy as np

import compare
import runs
import steps
from tables import markdown_table, processor

LOSSES = ("critic on real", "critic on fake", "generator")


def number(x):
    return f"{x:.1e}"


def print_steps(comparison):
    """The losses of both left alone, their difference, and that of the single step; the attempts
    at states near by."""
    print("step" + "".join(f" | {name:>14} {'Keras':>12} {'diff.':>7} {'step':>7}"
                           for name in LOSSES) + " | near by")
    for i, step in enumerate(comparison.steps):
        cells = "".join(f" | {comparison.run.losses[i, j]:14.7g} {comparison.losses[i, j]:12.7g} "
                        f"{number(comparison.free_losses[i, j]):>7} {number(step.own.losses[j]):>7}"
                        for j in range(3))
        print(f"{i + 1:4}{cells} | {step.attempts or ''}".rstrip())


def tensor_rows(comparison):
    last = comparison.run.steps
    single = [comparison.worst_tensors(which) for which in ("nearest", "own", "keras")]
    for name, scale in comparison.scale.items():
        mark = " *" if name in compare.WITHOUT_EFFECT else ""
        yield (name + mark, number(scale), *(number(worst[name]) for worst in single),
               number(comparison.free_tensors[last][name]),
               number(comparison.self_tensors[last][name]))


TENSOR_HEADING = ("tensor", "RMS", "one step: nearest", "exact", "Keras, exact", "all steps",
                  "Keras, itself")


def largest(differences):
    value, name = compare.largest(differences)
    return f"{number(value)} {name}"


def single_row(name, comparison):
    """The steps one by one."""
    def worst(which):
        return (number(comparison.worst_losses(which)),
                largest(comparison.worst_tensors(which)))

    searched = [step.attempts for step in comparison.steps if step.attempts]
    return (name, *map(number, comparison.median()), *worst("own"), *worst("keras"),
            f"{len(searched)} of {comparison.run.steps}", str(sum(searched)), *worst("nearest"),
            "yes" if comparison.agrees_step_by_step() else "NO")


SINGLE_HEADING = ("one step", "median: losses", "weights", "largest: losses", "weights",
                  "Keras: losses", "weights", "beyond bounds", "states near by",
                  "nearest: losses", "weights", "within bounds")


def training_row(name, comparison):
    """All steps."""
    last = comparison.run.steps
    return (name, number(np.max(comparison.free_losses)), largest(comparison.free_tensors[last]),
            number(np.max(comparison.self_losses)), largest(comparison.self_tensors[last]),
            "yes" if comparison.stays_together() else
            "no; as Keras" if comparison.drifts_like_keras() else "NO")


TRAINING_HEADING = ("all steps", "losses", "weights", "Keras, itself: losses", "weights",
                    "within bounds")


def case_tables(comparisons):
    """(heading, rows) of both tables."""
    return [(heading, [row(name, c) for name, c in comparisons.items()])
            for heading, row in ((SINGLE_HEADING, single_row), (TRAINING_HEADING, training_row))]


def drift_rows(comparison):
    """Per stop: the losses since the stop before, and the weights there."""
    before = 0
    for stop in (s for s in comparison.run.stops if s > 0):
        since = slice(before, stop)
        yield (str(stop), number(np.max(comparison.free_losses[since])),
               number(np.max(comparison.self_losses[since])),
               largest(comparison.free_tensors[stop]), largest(comparison.self_tensors[stop]))
        before = stop


DRIFT_HEADING = ("step", "losses: wgan-cl", "Keras, itself", "weights: wgan-cl", "Keras, itself")


TITLE = """# wgan-cl against tf.keras 2.15

Written by `tools/parity --suite --markdown`; `tools/parity --help` says what is compared.
"""

CASES_TEXT = f"""## Trainings

The bounds are {compare.LOSS_BOUND:g} for losses, relative to the loss, and {compare.WEIGHT_BOUND:g} for
weights and moving statistics, relative to the RMS of their tensor; the largest difference of all
counts.

*One step*: every step from the state that wgan-cl had before it, against the same step by Keras in
double precision, the exact one: of all steps the one in the middle, and the one farthest away; of
Keras in single precision, from the same states, the farthest. Steps *beyond bounds* are compared
with exact steps from *states near by* too, all numbers moved at random by at most 2^-18 of
themselves, up to {steps.ATTEMPTS} each, until one is within the bounds: *nearest*, all steps taken
together. A difference that does not come from rounding has no such state.
"""

ALL_TEXT = f"""*All steps*: Keras from the same initial weights on. *Keras, itself*: Keras from Keras, the farthest of
one run with oneDNN off and of {runs.STATES_NEAR_BY} from initial weights moved at random by at most 2^-18 of
themselves. *As Keras*: beyond the bounds, but no more than {compare.DRIFT_FACTOR} times as far as Keras itself.
"""

EFFECT_TEXT = (r"\* without effect, for batch norm subtracts it: relative to what it is added to."
               " `rmsprop` marks the accumulators, whose differences have no bound.\n")


def cases_markdown(tables, first):
    single, trainings = (markdown_table(*table) for table in tables)
    return "\n".join([
        CASES_TEXT, single, ALL_TEXT, trainings,
        f"## Every tensor of the first training, after {first.run.steps} steps\n",
        markdown_table(TENSOR_HEADING, tensor_rows(first)), EFFECT_TEXT])


def drift_markdown(rows, comparison):
    settings = comparison.run.settings
    return "\n".join([
        f"## How trainings stray, batch {settings['batch']}\n",
        "Losses: the largest difference since the row before. Weights: the largest at that step.\n",
        markdown_table(DRIFT_HEADING, rows)])


def versions(run):
    import keras
    import tensorflow as tf
    device = run.about["device"]
    return (f"wgan-cl {run.about['version']} on {device['name']}, {device['platform']}, "
            f"driver {device['driver']}, CLBlast {run.about['clblast']}; "
            f"TensorFlow {tf.__version__}, Keras {keras.__version__}, NumPy {np.__version__}, "
            f"Python {platform.python_version()} on {processor()}, {os.cpu_count()} threads. "
            f"Data: {run.about['data']['images']} images. Measured {datetime.date.today()}.")
