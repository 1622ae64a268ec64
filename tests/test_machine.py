import os
from contextlib import suppress

import pytest
import torch
from threadpoolctl import threadpool_info

from metanas.machine import ONE_THREAD, cores, one_thread


def threads() -> list[int]:
    return [pool["num_threads"] for pool in threadpool_info()]


def test_arithmetic_takes_one_thread_and_then_as_many_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    many = threads()
    try:
        with suppress(ZeroDivisionError), one_thread():
            assert torch.get_num_threads() == 1
            assert set(threads()) == {1}
            assert {name: os.environ[name] for name in ONE_THREAD} == ONE_THREAD
            raise ZeroDivisionError
        assert torch.get_num_threads() == 2
        assert threads() == many
        assert os.environ["OMP_NUM_THREADS"] == "2"
        assert "MKL_NUM_THREADS" not in os.environ
    finally:
        torch.set_num_threads(before)


def test_there_is_a_core() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
