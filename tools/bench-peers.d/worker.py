"""The process of one variant: takes its first steps, then as many as each line of its input says.

Every answer is a line of JSON; whatever the frameworks print goes to the standard error.
"""
import ctypes
import importlib
import json
import os
import resource
import signal
import sys
import time

import model
from variants import VARIANTS

CHECKED_STEPS = 2
PR_SET_PDEATHSIG = 1


def first_losses(training, batch):
    """The losses of the first steps, whose draws are the same for all peers."""
    losses = []
    for step in range(CHECKED_STEPS):
        draws = [training.bring(array) for array in model.first_draws(batch, step)]
        losses.append([float(loss) for loss in training.train(*draws)])
    return losses


def timed_steps(training, count):
    """One step to warm up, then `count`: seconds of each, page faults per step, memory so far."""
    seconds = []
    for step in range(count + 1):
        if step == 1:
            faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        start = time.perf_counter()
        training.train(*training.draw())
        training.finish()
        seconds.append(time.perf_counter() - start)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"seconds": seconds[1:], "faults": (usage.ru_minflt - faults) / count,
            "gbytes": usage.ru_maxrss * 1024e-9}


def main(name, batch, threads):
    # Stopped processes do not see that their parent is gone: the kernel shall end this one.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    variant, batch = VARIANTS[name], int(batch)
    module = importlib.import_module(variant.module)
    start = time.perf_counter()
    training = module.Training(batch, int(threads), **variant.options)
    losses = first_losses(training, batch)
    print(json.dumps({"version": module.VERSION, "device": training.name_device(), "losses": losses,
                      "seconds_to_start": time.perf_counter() - start}), file=answers)
    for line in sys.stdin:
        print(json.dumps(timed_steps(training, int(line))), file=answers)


if __name__ == "__main__":
    main(*sys.argv[1:])
