"""Values are read from JSON by any number of threads at the same time."""

import subprocess
import sys

LEARNERS = """
import sys, threading, msgspec
from perftracker_ai.decoding import converted, decoded

sys.setswitchinterval(1e-6)
for new in range(30):
    names = [f"field_{number}" for number in range(40)]
    inner = msgspec.defstruct("Inner", [(name, list[int]) for name in names])
    outer = msgspec.defstruct("Outer", [(name, inner) for name in names])
    plain = {name: {name: [1] for name in names} for name in names}
    content, together, read = msgspec.json.encode(plain), threading.Barrier(8), []

    def learn(number):
        together.wait()
        read.append(decoded(content, outer) if number % 2 else converted(plain, outer))

    threads = [threading.Thread(target=learn, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read) == 8 and all(msgspec.to_builtins(value) == plain for value in read)
print("read")
"""


def test_threads_may_meet_a_type_at_the_same_time():
    """A type that several threads read for the first time is read by all of them, and the process lives on."""
    ran = subprocess.run([sys.executable, "-c", LEARNERS], capture_output=True, text=True, check=False, timeout=120)
    assert (ran.returncode, ran.stdout) == (0, "read\n"), ran.stderr
