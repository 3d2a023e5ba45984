"""The ways in which the peers are run: each variant is a framework with options and environment."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    peer: str  # "PyTorch" or "TensorFlow"
    module: str  # which holds its Training
    options: dict
    about: str
    plain: bool = False  # as a user writes it who does not tune
    keeps_pages: bool = True  # jemalloc preloaded, see workers.py
    environment: dict = dataclasses.field(default_factory=dict)
    cuda: bool = False


def torch_variants():
    """PyTorch in eager mode and compiled, in both memory formats, transposed convolutions by
    PyTorch's own or as four convolutions of 2x2, one for each phase of the output."""
    yield Variant("torch-plain", "PyTorch", "torch_step", {}, "eager, NCHW, malloc of the system",
                  plain=True, keeps_pages=False)
    for mode in ("eager", "compile"):
        for layout in ("nchw", "nhwc"):
            for transposed in ("", "phases"):
                yield Variant(
                    "-".join(filter(None, ("torch", mode, layout, transposed))), "PyTorch",
                    "torch_step",
                    {"compile": mode == "compile", "channels_last": layout == "nhwc",
                     "phases": transposed == "phases"},
                    ", ".join(filter(None, ("torch.compile" if mode == "compile" else mode,
                                            layout.upper(), transposed))))


def tensorflow_variants():
    """TensorFlow as tf.function with and without XLA, and without oneDNN; the plain form is the
    usual Keras loop of predict and train_on_batch."""
    yield Variant("keras-plain", "TensorFlow", "keras_step", {},
                  "Keras, train_on_batch, malloc of the system",
                  plain=True, keeps_pages=False)
    yield Variant("keras", "TensorFlow", "keras_step", {}, "Keras, train_on_batch")
    for xla in ("", "xla"):
        for library, environment in (("onednn", {"TF_ENABLE_ONEDNN_OPTS": "1"}),
                                     ("eigen", {"TF_ENABLE_ONEDNN_OPTS": "0"})):
            for transposed in ("", "phases"):
                yield Variant(
                    "-".join(filter(None, ("tf", xla, library, transposed))), "TensorFlow",
                    "tensorflow_step", {"xla": bool(xla), "phases": transposed == "phases"},
                    ", ".join(filter(None, ("tf.function", xla.upper(),
                                            {"onednn": "oneDNN", "eigen": "Eigen"}[library],
                                            transposed))), environment=environment)


def cuda_variants():
    """PyTorch on an NVIDIA GPU in single precision, kernel by kernel or the step as one graph."""
    yield Variant("cuda-plain", "PyTorch", "torch_step", {"cuda": True}, "CUDA, eager, NCHW",
                  plain=True, keeps_pages=False, cuda=True)
    for mode in ("eager", "compile"):
        for layout in ("nchw", "nhwc"):
            for graph in ("", "graph"):
                yield Variant(
                    "-".join(filter(None, ("cuda", mode, layout, graph))), "PyTorch",
                    "torch_step",
                    {"cuda": True, "compile": mode == "compile", "channels_last": layout == "nhwc",
                     "graph": bool(graph)},
                    ", ".join(filter(None, ("CUDA",
                                            "torch.compile" if mode == "compile" else mode,
                                            layout.upper(), "CUDA graph" if graph else ""))),
                    keeps_pages=False, cuda=True)


VARIANTS = {v.name: v for v in (*torch_variants(), *tensorflow_variants(), *cuda_variants())}
