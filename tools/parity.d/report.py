"""Comparisons as tables, for the terminal and as Markdown."""
import datetime
import platform

import numpy as np

import compare

LOSSES = ("critic on real", "critic on fake", "generator")


def number(x):
    return f"{x:.1e}"


def print_steps(comparison):
    """The losses of both, the difference in one go, and that of the single step."""
    print("step" + "".join(f" | {name:>14} {'Keras':>12} {'diff.':>7} {'step':>7}"
                           for name in LOSSES))
    for i in range(comparison.run.steps):
        cells = []
        for j in range(3):
            single = number(comparison.steps[i].losses[j])
            cells.append(f" | {comparison.run.losses[i, j]:14.7g} {comparison.losses[i, j]:12.7g} "
                         f"{number(comparison.free_losses[i, j]):>7} {single:>7}")
        print(f"{i + 1:4}" + "".join(cells))


def tensor_rows(comparison):
    last = comparison.run.steps
    single, single_rms = comparison.worst_step_tensors(), comparison.worst_step_rms()
    for name, scale in comparison.scale.items():
        mark = " *" if name in compare.WITHOUT_EFFECT else ""
        yield (name + mark, number(scale), number(single_rms[name]), number(single[name]),
               number(comparison.free_tensors[last][name]),
               number(comparison.self_tensors[last][name]))


TENSOR_HEADING = ("tensor", "RMS", "one step: RMS", "largest", "all steps", "Keras, itself")


def largest(differences):
    value, name = compare.largest(differences)
    return f"{number(value)} {name}"


def case_row(name, comparison):
    last = comparison.run.steps
    return (name,
            number(comparison.worst_step_losses()),
            largest(comparison.worst_step_rms()),
            largest(comparison.worst_step_tensors()),
            "yes" if comparison.agrees_step_by_step() else "NO",
            number(np.max(comparison.free_losses)),
            largest(comparison.free_tensors[last]),
            number(np.max(comparison.self_losses)),
            largest(comparison.self_tensors[last]),
            "yes" if comparison.stays_together() else
            "no; as Keras" if comparison.drifts_like_keras() else "NO")


CASE_HEADING = ("training", "one step: losses", "weights, RMS", "largest", "within bounds",
                "all steps: losses", "weights", "Keras, itself: losses", "weights",
                "within bounds")


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


def print_table(heading, rows):
    rows = [heading, *rows]
    widths = [max(len(row[i]) for row in rows) for i in range(len(heading))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def markdown_table(heading, rows):
    lines = ["| " + " | ".join(heading) + " |", "|" + "---|" * len(heading)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


TITLE = """# wgan-cl against tf.keras 2.15

Written by `tools/parity --suite --markdown`; `tools/parity --help` says what is compared.
"""

CASES_TEXT = f"""## Trainings

The bounds are {compare.LOSS_BOUND:g} for losses and {compare.WEIGHT_BOUND:g} for weights. *One
step*: every step by Keras from the state wgan-cl had before it, with oneDNN on or off, whichever is
closer; the bound is for the RMS of the differences. *All steps*: Keras from the same initial weights on; the bound is for the largest
difference. *Keras, itself*: the same, by Keras with oneDNN on and by Keras with oneDNN off.
*As Keras*: beyond the bound, but no more than {compare.DRIFT_FACTOR} times as far as Keras itself.
"""

EFFECT_TEXT = (r"\* without effect, for batch norm subtracts it: relative to what it is added to."
               " `rmsprop` marks the accumulators, whose differences have no bound.\n")


def cases_markdown(rows, first):
    return "\n".join([
        CASES_TEXT, markdown_table(CASE_HEADING, rows),
        f"## Every tensor of the first training, after {first.run.steps} steps\n",
        markdown_table(TENSOR_HEADING, tensor_rows(first)), EFFECT_TEXT])


def drift_markdown(rows, comparison):
    settings = comparison.run.settings
    return "\n".join([
        f"## How trainings stray, batch {settings['batch']}\n",
        "Losses: the largest difference since the row before. Weights: the largest at that step.\n",
        markdown_table(DRIFT_HEADING, rows)])


def processor():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            lines = [line for line in stream if line.startswith("model name")]
        return f"{lines[0].split(':')[1].strip()}, {len(lines)} threads"
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def versions(run):
    import keras
    import tensorflow as tf
    device = run.about["device"]
    return (f"wgan-cl {run.about['version']} on {device['name']}, {device['platform']}, "
            f"driver {device['driver']}, CLBlast {run.about['clblast']}; "
            f"TensorFlow {tf.__version__}, Keras {keras.__version__}, NumPy {np.__version__}, "
            f"Python {platform.python_version()} on {processor()}. "
            f"Data: {run.about['data']['images']} images. Measured {datetime.date.today()}.")
