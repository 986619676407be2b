"""What one thread has freed another uses: with a heap for each of them the host grew with every job, holding the same."""

import os
import platform
import subprocess
import sys

import pytest

from tests.patience import PATIENCE

_COUNT = """
import ctypes, re, tempfile, threading
import function_app

everybody = threading.Barrier(24)

def work():
    everybody.wait()
    held = [bytes(2000) for _ in range(1000)]
    everybody.wait()

threads = [threading.Thread(target=work) for _ in range(24)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
with tempfile.NamedTemporaryFile() as told:
    stream = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(len(re.findall("<heap ", told.read().decode())))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the heaps are glibc's")
def test_all_threads_of_the_app_share_two_heaps() -> None:
    environment = {**os.environ, "AzureWebJobsStorage": "UseDevelopmentStorage=true"}
    said = subprocess.run(
        [sys.executable, "-c", _COUNT], env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE
    )
    assert int(said.stdout) <= 2
