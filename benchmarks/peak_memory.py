"""The memory of a process, for benchmarks and tests; Linux only."""

from pathlib import Path


def peak_megabytes() -> float:
    """Return the largest resident memory of this process so far.

    Read from /proc, because `getrusage` counts the parent's memory when it started this process.
    """
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
