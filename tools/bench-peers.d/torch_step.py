"""The training step in PyTorch: eager or compiled, in either memory format, on CPU or CUDA.

All arithmetic is in single precision. The weights of some layers are kept in another arrangement
than PyTorch's own layers have them; RMSprop treats every number alike, so the training is the same.
"""
import torch
from torch import nn
from torch.nn import functional as F

import model

VERSION = f"PyTorch {torch.__version__}"


class Norm(nn.Module):
    """Batch norm. PyTorch always takes the unbiased variance into the moving one, where the dense
    layer (`rank` 2) wants the biased: its moving variance is kept times n / (n - 1)."""

    def __init__(self, units, rank, batch):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(units))
        self.beta = nn.Parameter(torch.zeros(units))
        self.factor = (batch - 1) / batch if rank == 2 and batch > 1 else 1.0
        self.register_buffer("mean", torch.zeros(units))
        self.register_buffer("variance", torch.ones(units) / self.factor)

    def forward(self, x):
        if self.training:
            return F.batch_norm(x, self.mean, self.variance, self.gamma, self.beta, True,
                                1 - model.MOMENTUM, model.NORM_EPSILON)
        return F.batch_norm(x, self.mean, self.variance * self.factor, self.gamma, self.beta, False,
                            0, model.NORM_EPSILON)


class Upsampling(nn.Module):
    """Transposed convolution, 4x4, stride 2, "same", which is PyTorch's with padding 1."""

    def __init__(self, kernel):
        super().__init__()
        self.kernel = nn.Parameter(kernel.permute(3, 2, 0, 1).contiguous())
        self.bias = nn.Parameter(torch.zeros(kernel.shape[2]))

    def forward(self, x):
        return F.conv_transpose2d(x, self.kernel, self.bias, stride=2, padding=1)


class UpsamplingByPhases(nn.Module):
    """The same as four convolutions of 2x2: along each axis, output 2 m is made of inputs m - 1 and
    m by the elements 3 and 1 of the kernel, output 2 m + 1 of m and m + 1 by 2 and 0."""

    def __init__(self, kernel, channels_last):
        super().__init__()
        kernel = kernel.permute(2, 3, 0, 1)
        taps = ([3, 1], [2, 0])
        self.kernels = nn.ParameterList(
            kernel[:, :, taps[a]][:, :, :, taps[b]].contiguous() for a in (0, 1) for b in (0, 1))
        self.bias = nn.Parameter(torch.zeros(kernel.shape[0]))
        self.channels_last = channels_last

    def forward(self, x):
        n = x.shape[-1]
        x = F.pad(x, (1, 1, 1, 1))
        phases = [F.conv2d(x[:, :, a:a + n + 1, b:b + n + 1], self.kernels[2 * a + b], self.bias)
                  for a in (0, 1) for b in (0, 1)]
        if not self.channels_last:
            rows = [torch.stack(phases[a:a + 2], -1) for a in (0, 2)]
            return torch.stack(rows, -3).reshape(len(x), -1, 2 * n, 2 * n)
        phases = [p.permute(0, 2, 3, 1) for p in phases]
        rows = [torch.stack(phases[a:a + 2], 3) for a in (0, 2)]
        return torch.stack(rows, 2).reshape(len(x), 2 * n, 2 * n, -1).permute(0, 3, 1, 2)


class ToImage(nn.Module):
    """Transposed convolution, 4x4, stride 1, "same": one cut off in front, two behind."""

    def __init__(self, kernel):
        super().__init__()
        self.kernel = nn.Parameter(kernel.permute(3, 2, 0, 1).contiguous())
        self.bias = nn.Parameter(torch.zeros(kernel.shape[2]))

    def forward(self, x):
        return F.conv_transpose2d(x, self.kernel, self.bias, padding=1)[:, :, :-1, :-1]


class ToImageByConvolution(nn.Module):
    """The same as a convolution with the kernel turned round."""

    def __init__(self, kernel):
        super().__init__()
        self.kernel = nn.Parameter(kernel.permute(2, 3, 0, 1).flip(2, 3).contiguous())
        self.bias = nn.Parameter(torch.zeros(kernel.shape[2]))

    def forward(self, x):
        return F.conv2d(x, self.kernel, self.bias, padding=2)[:, :, :-1, :-1]


class Generator(nn.Module):
    def __init__(self, kernels, batch, channels_last, phases):
        super().__init__()
        self.channels_last = channels_last
        dense = kernels["dense"]
        if not channels_last:  # units in the order of the memory format
            dense = dense.reshape(-1, 7, 7, 32).permute(0, 3, 1, 2).reshape(dense.shape)
        self.kernel = nn.Parameter(dense.t().contiguous())
        self.bias = nn.Parameter(torch.zeros(dense.shape[1]))
        self.norm0 = Norm(dense.shape[1], 2, batch)
        up = (lambda k: UpsamplingByPhases(k, channels_last)) if phases else Upsampling
        self.conv1, self.norm1 = up(kernels["conv1"]), Norm(128, 4, batch)
        self.conv2, self.norm2 = up(kernels["conv2"]), Norm(256, 4, batch)
        self.conv3 = (ToImageByConvolution if phases else ToImage)(kernels["conv3"])

    def forward(self, noise):
        x = F.relu(self.norm0(F.linear(noise, self.kernel, self.bias)))
        x = (x.reshape(-1, 7, 7, 32).permute(0, 3, 1, 2) if self.channels_last
             else x.reshape(-1, 32, 7, 7))
        x = F.relu(self.norm1(self.conv1(x)))
        x = F.relu(self.norm2(self.conv2(x)))
        return torch.tanh(self.conv3(x))


class Convolution(nn.Conv2d):
    """4x4, "same"; PyTorch says so itself for stride 1, one before and two behind."""

    def __init__(self, kernel, stride):
        inputs, outputs = kernel.shape[2:]
        super().__init__(inputs, outputs, 4, stride, padding=1 if stride == 2 else "same")
        with torch.no_grad():
            self.weight.copy_(kernel.permute(3, 2, 0, 1))
            self.bias.zero_()


class Critic(nn.Module):
    def __init__(self, kernels, channels_last):
        super().__init__()
        self.channels_last = channels_last
        self.conv1 = Convolution(kernels["conv1"], 2)
        self.conv2 = Convolution(kernels["conv2"], 2)
        self.conv3 = Convolution(kernels["conv3"], 1)
        dense = kernels["dense"].reshape(7, 7, 64)
        if not channels_last:
            dense = dense.permute(2, 0, 1)
        self.kernel = nn.Parameter(dense.reshape(1, -1).contiguous())
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        for layer in (self.conv1, self.conv2, self.conv3):
            x = F.leaky_relu(layer(x), model.SLOPE)
        if self.channels_last:
            x = x.permute(0, 2, 3, 1)
        return F.linear(x.flatten(1), self.kernel, self.bias)


class RMSprop:
    """As in Keras; that of torch.optim has its epsilon outside the root."""

    def __init__(self, weights):
        self.weights = weights
        self.squares = [torch.zeros_like(w) for w in weights]

    @torch.no_grad()
    def update(self, gradients):
        torch._foreach_mul_(self.squares, model.RHO)
        torch._foreach_addcmul_(self.squares, gradients, gradients, 1 - model.RHO)
        roots = torch._foreach_add(self.squares, model.RMS_EPSILON)
        torch._foreach_sqrt_(roots)
        torch._foreach_addcdiv_(self.weights, gradients, roots, -model.RATE)

    @torch.no_grad()
    def clip(self):
        torch._foreach_clamp_min_(self.weights, -model.CLIP)
        torch._foreach_clamp_max_(self.weights, model.CLIP)


def set_up(threads, cuda):
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    if cuda:
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = True


class Training:
    def __init__(self, batch, threads, compile=False, channels_last=False, phases=False, cuda=False,
                 graph=False):
        set_up(threads, cuda)
        self.batch, self.cuda, self.wants_graph = batch, cuda, graph
        self.device = torch.device("cuda" if cuda else "cpu")
        generator, critic = ({name: torch.from_numpy(k) for name, k in kernels.items()}
                             for kernels in model.initial_kernels())
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.generator = Generator(generator, batch, channels_last, phases)
        self.critic = Critic(critic, channels_last)
        for network in (self.generator, self.critic):
            network.to(device=self.device, memory_format=layout)
        self.of_generator = RMSprop(list(self.generator.parameters()))
        self.of_critic = RMSprop(list(self.critic.parameters()))
        self.images = self.bring(model.images())
        self.warm, self.graph = False, None
        if compile:
            for name in ("critic_loss", "fakes", "generator_loss"):
                setattr(self, name, torch.compile(getattr(self, name), dynamic=False))
            for optimizer in (self.of_generator, self.of_critic):
                optimizer.update = torch.compile(optimizer.update, dynamic=False)

    def name_device(self):
        return torch.cuda.get_device_name() if self.cuda else None

    def bring(self, array):
        tensor = torch.from_numpy(array).to(self.device)
        return tensor.permute(0, 3, 1, 2).contiguous() if tensor.dim() == 4 else tensor

    def finish(self):
        if self.cuda:
            torch.cuda.synchronize()

    def draw(self):
        indices = torch.randint(len(self.images), (self.batch,), device=self.device)
        noise = [torch.randn(self.batch, model.NOISE, device=self.device) for _ in range(2)]
        return self.images[indices], *noise

    def critic_loss(self, images, label):
        return label * self.critic(images).mean()

    def fakes(self, noise):
        with torch.no_grad():
            return self.generator(noise)

    def generator_loss(self, noise):
        return -self.critic(self.generator(noise)).mean()

    def train_once(self, real, noise_critic, noise_generator):
        self.generator.eval()
        self.critic.requires_grad_(True)
        fake = self.fakes(noise_critic)
        losses = []
        for images, label in ((real, -1.0), (fake, 1.0)):
            losses.append(self.critic_loss(images, label))
            self.of_critic.update(torch.autograd.grad(losses[-1], self.of_critic.weights))
        self.of_critic.clip()
        self.generator.train()
        self.critic.requires_grad_(False)
        losses.append(self.generator_loss(noise_generator))
        self.of_generator.update(torch.autograd.grad(losses[-1], self.of_generator.weights))
        return [loss.detach() for loss in losses]

    def train(self, *draws):
        """One step; if it is to be a graph, the first is launched kernel by kernel to warm up."""
        if not self.wants_graph:
            return self.train_once(*draws)
        if not self.warm:
            return self.warm_up(*draws)
        if self.graph is None:
            self.capture(draws)
        for own, drawn in zip(self.inputs, draws):
            own.copy_(drawn)
        self.graph.replay()
        return self.losses

    def warm_up(self, *draws):
        """A step on another stream than the default one, as capturing wants it."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            losses = self.train_once(*draws)
        torch.cuda.current_stream().wait_stream(stream)
        self.warm = True
        return losses

    def capture(self, draws):
        self.inputs = [drawn.clone() for drawn in draws]
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.losses = self.train_once(*self.inputs)
