"""Memory of training steps: on a CPU in a forked process, on a GPU by PyTorch's allocator."""

import os
import signal
import time
from threading import RLock

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from mmbackbones.engine.trials import gpu_memory
from mmbackbones.engine.trials.cpu_memory import can_measure, measure_on_cpu
from mmbackbones.engine.trials.gpu_memory import available_on_gpu, measure_on_gpu
from mmbackbones.errors import UserError

MIB = 2**20


class TestCpu:
    pytestmark = pytest.mark.skipif(not can_measure(), reason='Linux only')

    @pytest.mark.parametrize('size', [40, 160])
    def test_peak(self, size):
        def steps():
            first = torch.ones(size * MIB // 4)
            del first
            torch.ones(MIB)

        used = measure_on_cpu(steps, 400 * MIB)
        assert size * MIB <= used < (size + 30) * MIB

    @pytest.mark.parametrize('allocate', [torch.ones, np.ones], ids=['torch', 'numpy'])
    def test_more_than_there_is(self, allocate):
        assert measure_on_cpu(lambda: allocate(100 * MIB), 200 * MIB) is None

    def test_a_kill(self):
        assert measure_on_cpu(lambda: os.kill(os.getpid(), signal.SIGKILL), MIB) is None

    def test_another_failure(self, capfd):
        def fail():
            print('loading')
            raise RuntimeError('mat1 and mat2 shapes cannot be multiplied')

        with pytest.raises(UserError, match='^a trial of training steps failed: mat1 and mat2 shapes cannot be'):
            measure_on_cpu(fail, 100 * MIB)
        assert capfd.readouterr() == ('', '')

    def test_several_threads(self):
        """OpenMP would wait for the threads that this process computed with before it was forked."""
        threads = torch.get_num_threads()
        product = torch.rand(400, 400)
        torch.set_num_threads(2)
        try:
            product @ product
            begin = time.monotonic()
            assert measure_on_cpu(lambda: product @ product, 500 * MIB) is not None
            assert time.monotonic() - begin < 30
        finally:
            torch.set_num_threads(threads)

    def test_a_lock_that_an_error_has_left(self, monkeypatch):
        """MMEngine does not release its own when there is no instance of what is asked for."""
        lock = RLock()
        monkeypatch.setattr('mmengine.utils.manager._lock', lock)
        lock.acquire()
        begin = time.monotonic()
        assert measure_on_cpu(lambda: MessageHub.get_instance('trial'), 100 * MIB) is not None
        assert time.monotonic() - begin < 30


class Gpu:
    """PyTorch's allocator on a GPU of 100 bytes, of which others use 10."""

    OutOfMemoryError = torch.cuda.OutOfMemoryError

    def __init__(self) -> None:
        self.allocated, self.peak, self.reserved = 4, 4, 20
        self.synchronized = 0

    def is_initialized(self) -> bool:
        return True

    def mem_get_info(self) -> tuple[int, int]:
        return 90 - self.reserved, 100

    def memory_allocated(self) -> int:
        return self.allocated

    def memory_reserved(self) -> int:
        return self.reserved

    def max_memory_allocated(self) -> int:
        return self.peak

    def reset_peak_memory_stats(self) -> None:
        self.peak = self.allocated

    def empty_cache(self) -> None:
        self.reserved = self.allocated

    def synchronize(self) -> None:
        self.synchronized += 1

    def use(self, size: int) -> None:
        if self.allocated + size > 90:
            raise torch.cuda.OutOfMemoryError('CUDA out of memory. Tried to allocate')
        self.peak = max(self.peak, self.allocated + size)
        self.reserved = max(self.reserved, self.peak)


class TestGpu:
    @pytest.fixture
    def gpu(self, monkeypatch):
        gpu = Gpu()
        monkeypatch.setattr(gpu_memory.torch, 'cuda', gpu)
        return gpu

    def test_available(self, gpu):
        assert available_on_gpu() == 86
        assert gpu.reserved == 4

    def test_peak(self, gpu):
        assert measure_on_gpu(lambda: gpu.use(70)) == 70
        assert measure_on_gpu(lambda: gpu.use(30)) == 30
        assert gpu.peak == gpu.allocated
        assert gpu.synchronized == 2
        assert gpu.reserved == 4

    @pytest.mark.parametrize(
        'error',
        [
            torch.cuda.OutOfMemoryError('CUDA out of memory'),
            RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`'),
            RuntimeError('cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED'),
            RuntimeError('GET was unable to find an engine to execute this computation'),
        ],
    )
    def test_more_than_there_is(self, gpu, error):
        def fail():
            gpu.use(50)
            raise error

        assert measure_on_gpu(fail) is None
        assert gpu.reserved == 4
        assert measure_on_gpu(lambda: gpu.use(30)) == 30

    def test_another_failure(self, gpu):
        with pytest.raises(RuntimeError, match='size'):
            measure_on_gpu(lambda: torch.ones(2) @ torch.ones(3))
