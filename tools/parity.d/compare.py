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


class Comparison:
    """One training by wgan-cl against Keras: step by step from the same states, and in one go."""

    def __init__(self, run, one_step_each, all_steps, in_another_order):
        last = run.steps
        self.run, self.losses = run, all_steps[0]
        self.scale = scales(all_steps[1][last])
        self.step_losses, self.step_tensors, self.step_rms = [], [], []
        for step, (losses, tensors) in enumerate(one_step_each, start=1):
            self.step_losses.append(loss_differences(run.losses[step - 1], losses))
            ours = run.tensors(step)
            self.step_tensors.append(tensor_differences(ours, tensors, self.scale))
            self.step_rms.append(tensor_rms_differences(ours, tensors, self.scale))
        self.free_losses = loss_differences(run.losses, all_steps[0])
        self.self_losses = loss_differences(in_another_order[0], all_steps[0])
        self.free_tensors, self.self_tensors = {}, {}
        for stop, tensors in all_steps[1].items():
            scale = scales(tensors)
            self.free_tensors[stop] = tensor_differences(run.tensors(stop), tensors, scale)
            self.self_tensors[stop] = tensor_differences(in_another_order[1][stop], tensors, scale)

    def worst_step_tensors(self):
        """The largest difference of each tensor over the steps from the same states."""
        return {name: max(d[name] for d in self.step_tensors) for name in self.scale}

    def worst_step_rms(self):
        """The largest RMS of the differences of each tensor over these steps."""
        return {name: max(d[name] for d in self.step_rms) for name in self.scale}

    def agrees_step_by_step(self):
        return bool(np.max(self.step_losses) <= LOSS_BOUND and
                    largest(self.worst_step_rms())[0] <= WEIGHT_BOUND)

    def stays_together(self):
        return bool(np.max(self.free_losses) <= LOSS_BOUND and
                    largest(self.free_tensors[self.run.steps])[0] <= WEIGHT_BOUND)

    def drifts_like_keras(self):
        last = self.run.steps
        return bool(np.max(self.free_losses) <= DRIFT_FACTOR * np.max(self.self_losses) and
                    largest(self.free_tensors[last])[0] <=
                    DRIFT_FACTOR * largest(self.self_tensors[last])[0])

    def passes(self):
        together = self.stays_together() or self.drifts_like_keras()
        return together and (not self.step_losses or self.agrees_step_by_step())
