"""The training in tf.keras 2.15, as a user of Keras writes it: three models and a loop.

The critic is compiled while it is trainable and frozen afterwards, so that it trains on its own and
stands still behind the generator. (Keras 3 reads `trainable` anew: there it would never train.)
"""
import os
import warnings

import h5py
import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
import tensorflow.keras.backend as K
from tensorflow.keras.layers import (Activation, BatchNormalization, Conv2D, Conv2DTranspose, Dense,
                                     Flatten, Input, LeakyReLU, Reshape)
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers import RMSprop

import philox

# That .h5 is an old format, and that metrics of a model are not built when it is saved.
warnings.filterwarnings("ignore", module="keras")
tf.get_logger().setLevel("ERROR")

# The weights of each model in the order of Keras, under the names of wgan-cl's checkpoints.
GENERATOR = [f"generator.{layer}.{name}" for layer, names in (
    ("dense", ("kernel", "bias")),
    ("norm0", ("gamma", "beta", "moving_mean", "moving_variance")),
    ("conv1", ("kernel", "bias")),
    ("norm1", ("gamma", "beta", "moving_mean", "moving_variance")),
    ("conv2", ("kernel", "bias")),
    ("norm2", ("gamma", "beta", "moving_mean", "moving_variance")),
    ("conv3", ("kernel", "bias"))) for name in names]
CRITIC = [f"critic.{layer}.{name}" for layer in ("conv1", "conv2", "conv3", "dense")
          for name in ("kernel", "bias")]
MOMENTUM = 0.8


def trainable(names):
    return [name for name in names if ".moving_" not in name]


def accumulator(name):
    return f"rmsprop.{name}"


def wasserstein_loss(y_true, y_pred):
    return K.mean(y_true * y_pred)


def build_generator():
    noise = Input(shape=(100,))
    x = Dense(7 * 7 * 32)(noise)
    x = BatchNormalization(momentum=MOMENTUM)(x)
    x = Activation("relu")(x)
    x = Reshape((7, 7, 32))(x)
    x = Conv2DTranspose(128, kernel_size=4, strides=2, padding="same")(x)
    x = BatchNormalization(momentum=MOMENTUM)(x)
    x = Activation("relu")(x)
    x = Conv2DTranspose(256, kernel_size=4, strides=2, padding="same")(x)
    x = BatchNormalization(momentum=MOMENTUM)(x)
    x = Activation("relu")(x)
    image = Conv2DTranspose(1, kernel_size=4, strides=1, padding="same", activation="tanh")(x)
    return Model(noise, image, name="Generator")


def build_critic():
    image = Input(shape=(28, 28, 1))
    x = Conv2D(256, kernel_size=4, strides=2, padding="same")(image)
    x = LeakyReLU(alpha=0.2)(x)
    x = Conv2D(128, kernel_size=4, strides=2, padding="same")(x)
    x = LeakyReLU(alpha=0.2)(x)
    x = Conv2D(64, kernel_size=4, strides=1, padding="same")(x)
    x = LeakyReLU(alpha=0.2)(x)
    x = Flatten()(x)
    score = Dense(1)(x)
    return Model(image, score, name="Discriminator")


class Training:
    """A training with the draws of wgan-cl; `load` gives it its weights.

    Keras casts what it is given to `precision`: one that is made ends the use of those before.
    """

    precision = "float32"

    def __init__(self, settings, images):
        K.clear_session()
        K.set_floatx(self.precision)
        self.settings, self.step = settings, 0
        self.images = (images / 127.5 - 1).reshape(-1, 28, 28, 1).astype(np.float32)
        self.generator, self.critic = build_generator(), build_critic()
        self.critic.compile(loss=wasserstein_loss, metrics=["accuracy"],
                            optimizer=RMSprop(learning_rate=settings["lr_critic"]))
        self.critic.optimizer.build(self.critic.trainable_weights)
        self.critic.trainable = False
        noise = Input(shape=(100,))
        self.adversarial = Model(noise, self.critic(self.generator(noise)), name="Adversarial")
        self.adversarial.compile(loss=wasserstein_loss,
                                 optimizer=RMSprop(learning_rate=settings["lr_generator"]))
        self.adversarial.optimizer.build(self.adversarial.trainable_weights)

    def draw_images(self, iteration):
        i = philox.indices(self.settings["seed"], self.step, iteration, len(self.images),
                           self.settings["batch"])
        return self.images[i]

    def draw_noise(self, stream, iteration):
        shape = (self.settings["batch"], 100)
        return philox.noise(self.settings["seed"], stream, self.step, iteration, shape)

    def train_step(self):
        """One step; returns the losses of the critic on real and on fake, and of the generator."""
        clip, n = self.settings["clip"], self.settings["batch"]
        real, fake = -np.ones((n, 1)), np.ones((n, 1))
        for iteration in range(self.settings["critic_steps"]):
            images = self.draw_images(iteration)
            noise = self.draw_noise(philox.STREAM_NOISE_CRITIC, iteration)
            generated = self.generator.predict_on_batch(noise)
            on_real, _ = self.critic.train_on_batch(images, real)
            on_fake, _ = self.critic.train_on_batch(generated, fake)
            for layer in self.critic.layers:
                layer.set_weights([np.clip(w, -clip, clip) for w in layer.get_weights()])
        noise = self.draw_noise(philox.STREAM_NOISE_GENERATOR, 0)
        on_generator = self.train_generator(noise, real)
        self.step += 1
        return np.array([on_real, on_fake, on_generator], dtype=np.float64)

    def train_generator(self, noise, label):
        return self.adversarial.train_on_batch(noise, label)

    def accumulators(self):
        """The variables of RMSprop under their names in a checkpoint."""
        variables = {}
        for model, names in ((self.adversarial, GENERATOR), (self.critic, CRITIC)):
            velocities = [v for v in model.optimizer.variables if "velocity" in v.name]
            variables.update(zip(map(accumulator, trainable(names)), velocities, strict=True))
        return variables

    def load(self, tensors, step):
        """Takes over the state of a checkpoint after so many steps."""
        self.generator.set_weights([tensors[name] for name in GENERATOR])
        self.critic.set_weights([tensors[name] for name in CRITIC])
        for name, variable in self.accumulators().items():
            variable.assign(tensors[name])
        self.step = step

    def save(self, folder):
        """The three models as the program leaves them."""
        for model in (self.generator, self.critic, self.adversarial):
            model.save(folder / f"{model.name}.h5")

    def restore(self, folder):
        """Goes on where `save` left a training."""
        for model in (self.critic, self.adversarial):
            path = folder / f"{model.name}.h5"
            model.load_weights(path)
            # load_model would leave out the optimizer of the critic, which is frozen by now.
            with h5py.File(path) as file:
                saved = file["optimizer_weights"]
                values = [saved[name][()] for name in saved.attrs["weight_names"]]
            for variable, value in zip(model.optimizer.variables, values, strict=True):
                variable.assign(value)
        self.step = int(self.adversarial.optimizer.iterations)

    def tensors(self):
        """Everything a checkpoint holds, under the same names."""
        tensors = dict(zip(GENERATOR, self.generator.get_weights(), strict=True))
        tensors.update(zip(CRITIC, self.critic.get_weights(), strict=True))
        tensors.update((name, v.numpy()) for name, v in self.accumulators().items())
        return tensors


class ExactTraining(Training):
    """The same in double precision: what a step comes to but for rounding."""

    precision = "float64"

    def train_generator(self, noise, label):
        """Keras has the variance of a batch unbiased where TensorFlow's fused kernel computes it,
        which is after convolutions and not in double precision."""
        before = dict(zip(GENERATOR, self.generator.get_weights()))
        loss = super().train_generator(noise, label)
        after = dict(zip(GENERATOR, self.generator.get_weights()))
        for norm, positions in (("norm1", 14 * 14), ("norm2", 28 * 28)):
            name, rows = f"generator.{norm}.moving_variance", len(noise) * positions
            kept = MOMENTUM * before[name]
            after[name] = kept + (after[name] - kept) * rows / (rows - 1)
        self.generator.set_weights([after[name] for name in GENERATOR])
        return loss
