"""Differences between two trainings, and what they may be."""
import numpy as np

# Relative: of a loss to itself, of weights to the RMS of their tensor after the last step. Of one
# step the RMS of the differences is bound, for an activation that rounds to the other side of a
# ReLU's kink changes a few weights by what one image weighs; of all steps the largest is.
LOSS_BOUND = 1e-4
WEIGHT_BOUND = 1e-3

# A run may stray from Keras this many times as far as Keras strays from itself: few numbers decide
# how far, such as which activations at the kink of a ReLU round to which side.
DRIFT_FACTOR = 10

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


def tensor_rms_differences(a, b, scale):
    """The RMS of the differences in each tensor of b, in units of its scale."""
    return {name: rms(a[name].astype(np.float64) - b[name]) / (scale[name] or 1) for name in b}


def loss_differences(a, b):
    """|a - b| / |b|, element by element."""
    return np.abs(a - b) / np.abs(b)


def weights_only(differences):
    return {n: d for n, d in differences.items() if not n.startswith("rmsprop.")}


def largest(differences):
    """(value, name) of the largest difference among the weights and moving statistics."""
    return max((d, n) for n, d in weights_only(differences).items())


class Step:
    """One step by wgan-cl against the same step by Keras from the same state."""

    def __init__(self, our_losses, our_tensors, losses, tensors, scale):
        self.losses = loss_differences(our_losses, losses)
        self.tensors = tensor_differences(our_tensors, tensors, scale)
        self.rms = tensor_rms_differences(our_tensors, tensors, scale)

    def badness(self):
        """1 at the bounds."""
        weights = largest(self.rms)[0]
        return np.max([np.max(self.losses) / LOSS_BOUND, weights / WEIGHT_BOUND])


class Comparison:
    """One training by wgan-cl against Keras, in each of two orders of summation (runs.py).

    `steps`: (losses, tensors) of one step each, by order; () leaves this out. Where the orders
    take different sides of a kink, wgan-cl can be with one of them only, so the closer counts.
    `trainings`: (losses, tensors) of all steps, by order.
    """

    def __init__(self, run, steps, trainings):
        (self.losses, tensors), (other_losses, other_tensors) = trainings
        self.run = run
        self.scale = scales(tensors[run.steps])
        self.steps = [
            min((Step(run.losses[i], run.tensors(i + 1), losses[i], tensors_of[i + 1], self.scale)
                 for losses, tensors_of in steps), key=Step.badness)
            for i in range(run.steps)] if steps else []
        self.free_losses = loss_differences(run.losses, self.losses)
        self.self_losses = loss_differences(other_losses, self.losses)
        self.free_tensors, self.self_tensors = {}, {}
        for stop in tensors:
            scale = scales(tensors[stop])
            self.free_tensors[stop] = tensor_differences(run.tensors(stop), tensors[stop], scale)
            self.self_tensors[stop] = tensor_differences(
                other_tensors[stop], tensors[stop], scale)

    def worst_step_losses(self):
        return max(float(np.max(step.losses)) for step in self.steps)

    def worst_step_tensors(self):
        """The largest difference of each tensor over the steps from the same states."""
        return {name: max(step.tensors[name] for step in self.steps) for name in self.scale}

    def worst_step_rms(self):
        """The largest RMS of the differences of each tensor over these steps."""
        return {name: max(step.rms[name] for step in self.steps) for name in self.scale}

    def agrees_step_by_step(self):
        return all(step.badness() <= 1 for step in self.steps)

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
