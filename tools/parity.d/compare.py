"""Differences between two trainings, and what they may be."""
import numpy as np

# Relative: of a loss to itself, of a weight to the RMS of its tensor after the last step.
LOSS_BOUND = 1e-4
WEIGHT_BOUND = 1e-3

# A run may stray from Keras this many times as far as the farthest of Keras' own runs do: few numbers
# decide how far, such as which activations at the kink of a ReLU round to which side.
DRIFT_FACTOR = 2

# Batch norm subtracts the mean, so the bias before it has no effect and its exact gradient is zero:
# what RMSprop makes of the rounding errors is compared with the spread of what it is added to.
WITHOUT_EFFECT = {
    "generator.dense.bias": "generator.norm0.moving_variance",
    "generator.conv1.bias": "generator.norm1.moving_variance",
    "generator.conv2.bias": "generator.norm2.moving_variance",
}


def rms(x):
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64))))


def scales(tensors):
    """What the differences of each tensor are measured by."""
    result = {name: rms(x) for name, x in tensors.items()}
    for name, variance in WITHOUT_EFFECT.items():
        result[name] = float(np.sqrt(np.mean(tensors[variance], dtype=np.float64)))
    return result


def tensor_differences(a, b, scale):
    """The largest difference in each tensor of b, in units of its scale."""
    return {name: float(np.abs(a[name].astype(np.float64) - b[name]).max() / (scale[name] or 1))
            for name in b}


def loss_differences(a, b):
    """|a - b| / |b|, element by element."""
    return np.abs(a - b) / np.abs(b)


def weights_only(differences):
    return {n: d for n, d in differences.items() if not n.startswith("rmsprop.")}


def largest(differences):
    """(value, name) of the largest difference among the weights and moving statistics."""
    return max((d, n) for n, d in weights_only(differences).items())


def channel_axis(name):
    """Of a tensor, the axis of what its layer puts out."""
    return -2 if name.startswith("generator.conv") and name.endswith(".kernel") else -1


class Difference:
    """One step by a program in single precision against an exact one."""

    def __init__(self, losses, tensors, exact_losses, exact_tensors, scale):
        self.losses = loss_differences(losses, exact_losses)
        self.tensors = tensor_differences(tensors, exact_tensors, scale)
        self.beyond = int(np.sum(self.losses > LOSS_BOUND))
        self.channels = set()  # (layer, channel) whose weights are beyond the bound
        for name in weights_only(self.tensors):
            beyond = np.argwhere(np.abs(tensors[name].astype(np.float64) - exact_tensors[name])
                                 > WEIGHT_BOUND * (scale[name] or 1))
            self.beyond += len(beyond)
            self.channels.update((name.rsplit(".", 1)[0], int(at[channel_axis(name)]))
                                 for at in beyond)

    def badness(self):
        """1 at the bounds."""
        weights = largest(self.tensors)[0]
        return float(np.max([np.max(self.losses) / LOSS_BOUND, weights / WEIGHT_BOUND]))

    def rank(self):
        """The lower the nearer: how many losses and weights are beyond the bounds, and how far."""
        return self.beyond, self.badness()


class Comparison:
    """One training by wgan-cl against Keras.

    `steps`: of steps.py, one by one; [] leaves this out.
    `trainings`: (losses, tensors) of all steps by Keras, of which the first is compared with, and
    the others say how far rounding may lead: that of them which is farthest, number by number.
    """

    def __init__(self, run, steps, trainings):
        (self.losses, tensors), *others = trainings
        self.run, self.steps = run, steps
        self.scale = scales(tensors[run.steps])
        self.free_losses = loss_differences(run.losses, self.losses)
        self.self_losses = np.max([loss_differences(losses, self.losses) for losses, _ in others], 0)
        self.free_tensors, self.self_tensors = {}, {}
        for stop in tensors:
            scale = scales(tensors[stop])
            self.free_tensors[stop] = tensor_differences(run.tensors(stop), tensors[stop], scale)
            each = [tensor_differences(other[stop], tensors[stop], scale) for _, other in others]
            self.self_tensors[stop] = {name: max(of[name] for of in each) for name in scale}

    def worst_losses(self, which):
        """Over all steps; `which`: "own", "keras" or "nearest" (steps.py)."""
        return max(float(np.max(getattr(step, which).losses)) for step in self.steps)

    def worst_tensors(self, which):
        """The largest difference of each tensor over all steps."""
        return {name: max(getattr(step, which).tensors[name] for step in self.steps)
                for name in self.scale}

    def median(self):
        """Of all steps the one in the middle, wgan-cl from the exact one: (losses, weights)."""
        return (float(np.median([np.max(step.own.losses) for step in self.steps])),
                float(np.median([largest(step.own.tensors)[0] for step in self.steps])))

    def agrees_step_by_step(self):
        return all(step.nearest.badness() <= 1 for step in self.steps)

    def stays_together(self):
        return bool(np.max(self.free_losses) <= LOSS_BOUND and
                    largest(self.free_tensors[self.run.steps])[0] <= WEIGHT_BOUND)

    def drifts_like_keras(self):
        last = self.run.steps
        return bool(np.max(self.free_losses) <= DRIFT_FACTOR * np.max(self.self_losses) and
                    largest(self.free_tensors[last])[0] <=
                    DRIFT_FACTOR * largest(self.self_tensors[last])[0])

    def passes(self):
        return self.agrees_step_by_step() and (self.stays_together() or self.drifts_like_keras())
