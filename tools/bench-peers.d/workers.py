"""Processes that are measured: a worker for each variant of a peer, and wgan-cl itself."""
import contextlib
import ctypes.util
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# Fresh tensors cost page faults, which are dear on virtual machines: never give a page back.
KEEPING_PAGES = ("background_thread:true,metadata_thp:auto,thp:always,"
                 "dirty_decay_ms:-1,muzzy_decay_ms:-1")


LOSS_TOLERANCE = 1e-3  # between peers, relative


class Failure(Exception):
    """What went wrong, in one line."""


def environment_of(variant, threads):
    """Threads by every name; compilers in the worker's own process, as it will be stopped."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads),
                       TORCHINDUCTOR_COMPILE_THREADS="1",
                       TORCHINDUCTOR_CACHE_DIR=f"{sys.prefix}/inductor-cache",
                       **variant.environment)
    if variant.keeps_pages:
        library = ctypes.util.find_library("jemalloc")
        if not library:
            raise Failure("needs jemalloc (Debian has it in libjemalloc2)")
        environment.update(LD_PRELOAD=library, MALLOC_CONF=KEEPING_PAGES)
    return environment


class Worker:
    """A variant in a process of its own, which sleeps unless it is measured: the frameworks' idle
    threads spin, so the process is stopped."""

    def __init__(self, variant, batch, threads):
        self.variant = variant
        self.errors = tempfile.TemporaryFile(mode="w+")
        command = [sys.executable, "-B", HERE / "worker.py", variant.name, str(batch), str(threads)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            bufsize=1, env=environment_of(variant, threads), start_new_session=True)
        try:
            self.about = self.answer()
        except BaseException:
            self.close()
            raise
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        code = self.process.wait()
        self.errors.seek(0)
        last = (self.errors.read().strip().splitlines() or ["no message"])[-1]
        raise Failure(f"{self.variant.name} ended with code {code}: {last}")

    def measure(self, steps):
        """`seconds` of each of so many steps, page `faults` per step, `gbytes` of memory so far."""
        self.signal(signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):  # the answer says why
            self.process.stdin.write(f"{steps}\n")
        measured = self.answer()
        self.signal(signal.SIGSTOP)
        return measured

    def close(self):
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.errors):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def median_seconds(measured):
    return statistics.median(measured["seconds"])


def check_losses(worker, reference):
    """Losses as those of `reference`, another worker: whoever computes another step is not a peer.

    The losses are means of scores that nearly cancel, and rounded sums differ with their order,
    hence the bound; a pixel of padding on the wrong side is far beyond it.
    """
    for step, (own, others) in enumerate(zip(worker.about["losses"], reference.about["losses"])):
        for loss, other in zip(own, others):
            if not abs(loss - other) <= LOSS_TOLERANCE * abs(other):
                raise Failure(f"{worker.variant.name}: not the same step: step {step} has losses "
                              f"{own}, in {reference.variant.name} {others}")


def run_wgan_cl(program, device, batch, steps, threads):
    """The result of `wgan-cl bench`, which takes a step to warm up as well."""
    command = [program, *(["--device", device] if device else []), "bench", "--batch", str(batch),
               "--steps", str(steps), "--json"]
    environment = dict(os.environ, POCL_MAX_PTHREAD_COUNT=str(threads),  # pocl before 4.0
                       POCL_CPU_MAX_CU_COUNT=str(threads))
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except OSError as error:
        raise Failure(f"{program}: {error.strerror}, see --wgan-cl") from error
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)}: {done.stderr.strip()}")
    return json.loads(done.stdout)
