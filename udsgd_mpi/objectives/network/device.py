"""Where PyTorch computes, so that the same numbers give the same bits."""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import RLock

import torch

from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.launcher import local_rank

_one_thread = RLock()  # what PyTorch is told, and what a module is bound to, is of the process


def require_device(device: str) -> None:
    """Refuse a device that this process does not have.

    Raises
    ------
    ConfigurationError
        If CUDA is asked for and absent.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigurationError(
            'objective.device: expected a GPU that PyTorch can use for "cuda", got none; use'
            ' device = "cpu", or install PyTorch for the CUDA of this machine'
        )


def device_here(device: str) -> str:
    """The device of this process: ranks of a host are spread over its GPUs in turn.

    Where a batch system shows each process one GPU alone it is that one.
    """
    if device != "cuda":
        return device
    return f"cuda:{local_rank() % torch.cuda.device_count()}"


def computed_by(device: str) -> str:
    """What decides the last bits: PyTorch's version, and the processor as PyTorch uses it."""
    if device != "cpu":
        where = torch.cuda.get_device_name(device)
    else:
        where = torch.backends.cpu.get_cpu_capability()
    return f"PyTorch {torch.__version__}, {where}"


@contextmanager
def same_bits(device: str) -> Iterator[None]:
    """One thread, or deterministic algorithms on a GPU; afterwards as the process had it.

    One of the process's threads at a time.
    """
    with _one_thread:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with nullcontext() if device == "cpu" else _deterministic(), _current(device):
                yield
        finally:
            torch.set_num_threads(threads)


def _current(device: str) -> AbstractContextManager[object]:
    """Have streams and recorded steps be of the device, which is not the first one everywhere."""
    return nullcontext() if device == "cpu" else torch.cuda.device(device)


@contextmanager
def _deterministic() -> Iterator[None]:
    before = torch.are_deterministic_algorithms_enabled()
    short = torch.backends.cudnn.allow_tf32
    fill = torch.utils.deterministic.fill_uninitialized_memory  # of what is written at once
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS may vary
    torch.use_deterministic_algorithms(mode=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.allow_tf32 = False  # a thousandth of a float32 is no rounding
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(mode=before)
        torch.utils.deterministic.fill_uninitialized_memory = fill
        torch.backends.cudnn.allow_tf32 = short
