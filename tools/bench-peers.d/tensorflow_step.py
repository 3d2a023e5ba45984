"""The training step in TensorFlow: one tf.function, with or without XLA."""
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf
from tensorflow.keras import layers

import model

VERSION = f"TensorFlow {tf.__version__}"


def set_up(threads):
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    tf.random.set_seed(1)


class UpsamplingByPhases(layers.Layer):
    """Transposed convolution, 4x4, stride 2, "same", as four convolutions of 2x2: along each axis,
    output 2 m is made of inputs m - 1 and m by the elements 3 and 1 of the kernel, output 2 m + 1
    of m and m + 1 by 2 and 0."""

    TAPS = ([3, 1], [2, 0])

    def __init__(self, channels):
        super().__init__()
        self.channels = channels

    def build(self, shape):
        self.kernels = [self.add_weight(f"kernel{i}", (2, 2, shape[-1], self.channels))
                        for i in range(4)]
        self.bias = self.add_weight("bias", (self.channels,), initializer="zeros")

    def set_kernel(self, kernel):
        kernel = kernel.transpose(0, 1, 3, 2)
        for i, own in enumerate(self.kernels):
            own.assign(kernel[self.TAPS[i // 2]][:, self.TAPS[i % 2]])

    def call(self, x):
        n = x.shape[1]
        x = tf.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
        phases = [tf.nn.conv2d(x[:, a:a + n + 1, b:b + n + 1], self.kernels[2 * a + b], 1, "VALID")
                  for a in (0, 1) for b in (0, 1)]
        return tf.nn.depth_to_space(tf.concat(phases, -1), 2) + self.bias


class ToImageByConvolution(layers.Layer):
    """Transposed convolution, 4x4, stride 1, "same", as a convolution with the kernel turned round:
    two before, one behind."""

    def build(self, shape):
        self.kernel = self.add_weight("kernel", (4, 4, shape[-1], 1))
        self.bias = self.add_weight("bias", (1,), initializer="zeros")

    def set_kernel(self, kernel):
        self.kernel.assign(kernel.transpose(0, 1, 3, 2)[::-1, ::-1])

    def call(self, x):
        padding = [[0, 0], [2, 1], [2, 1], [0, 0]]
        return tf.tanh(tf.nn.conv2d(x, self.kernel, 1, padding) + self.bias)


def set_kernels(network, kernels):
    """`kernels` go to the layers with weights, batch norm aside, in their order."""
    weighty = [layer for layer in network.layers
               if layer.weights and not isinstance(layer, layers.BatchNormalization)]
    for layer, kernel in zip(weighty, kernels.values(), strict=True):
        if hasattr(layer, "set_kernel"):
            layer.set_kernel(kernel)
        else:
            layer.kernel.assign(kernel)
    return network


def build_generator(kernels, phases=False):
    def upsampling(channels):
        return (UpsamplingByPhases(channels) if phases else
                layers.Conv2DTranspose(channels, 4, strides=2, padding="same"))

    def norm():
        return layers.BatchNormalization(momentum=model.MOMENTUM, epsilon=model.NORM_EPSILON)

    to_image = (ToImageByConvolution() if phases else
                layers.Conv2DTranspose(1, 4, padding="same", activation="tanh"))
    network = tf.keras.Sequential([
        layers.Input((model.NOISE,)), layers.Dense(7 * 7 * 32), norm(), layers.ReLU(),
        layers.Reshape((7, 7, 32)), upsampling(128), norm(), layers.ReLU(),
        upsampling(256), norm(), layers.ReLU(), to_image])
    return set_kernels(network, kernels)


def build_critic(kernels):
    network = tf.keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(256, 4, strides=2, padding="same"), layers.LeakyReLU(model.SLOPE),
        layers.Conv2D(128, 4, strides=2, padding="same"), layers.LeakyReLU(model.SLOPE),
        layers.Conv2D(64, 4, padding="same"), layers.LeakyReLU(model.SLOPE),
        layers.Flatten(), layers.Dense(1)])
    return set_kernels(network, kernels)


def rmsprop(network):
    optimizer = tf.keras.optimizers.RMSprop(model.RATE, rho=model.RHO, epsilon=model.RMS_EPSILON)
    optimizer.build(network.trainable_variables)
    return optimizer


class Training:
    def __init__(self, batch, threads, xla, phases):
        set_up(threads)
        self.batch = batch
        generator, critic = model.initial_kernels()
        self.generator, self.critic = build_generator(generator, phases), build_critic(critic)
        self.of_generator, self.of_critic = rmsprop(self.generator), rmsprop(self.critic)
        self.images = tf.constant(model.images())
        self.train = tf.function(self.train_once, jit_compile=xla)
        self.draw = tf.function(self.draw_once)

    def name_device(self):
        return None

    def bring(self, array):
        return tf.constant(array)

    def finish(self):
        """A tf.function on the CPU has finished when it returns."""

    def draw_once(self):
        indices = tf.random.uniform((self.batch,), 0, len(self.images), dtype=tf.int32)
        noise = [tf.random.normal((self.batch, model.NOISE)) for _ in range(2)]
        return tf.gather(self.images, indices), *noise

    def update_critic(self, images, label):
        weights = self.critic.trainable_variables
        with tf.GradientTape() as tape:
            loss = label * tf.reduce_mean(self.critic(images, training=True))
        self.of_critic.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return loss

    def train_once(self, real, noise_critic, noise_generator):
        fake = self.generator(noise_critic, training=False)
        on_real = self.update_critic(real, -1.0)
        on_fake = self.update_critic(fake, 1.0)
        for weight in self.critic.trainable_variables:
            weight.assign(tf.clip_by_value(weight, -model.CLIP, model.CLIP))
        weights = self.generator.trainable_variables
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights)
            images = self.generator(noise_generator, training=True)
            loss = -tf.reduce_mean(self.critic(images, training=False))
        self.of_generator.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return on_real, on_fake, loss
