"""Runs commands, and says how long they took: minimum, median and maximum, never a verdict."""

import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass
class Run:
    """What the operating system accounts to one finished command and the children it waited for."""

    wall: float  # seconds
    cpu: float  # seconds, user and system
    memory: float  # MiB, the largest single process
    code: int
    hosts: float = 0.0  # seconds of processor on the other side, where that is known


def run(command, *, env=None, cwd=None, log=None):
    """Runs a command to its end; its output goes to the file `log`, or nowhere."""
    with open(log or os.devnull, "ab") as out:
        begun = time.perf_counter()
        child = subprocess.Popen(command, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
    child.returncode = os.waitstatus_to_exitcode(status)
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, child.returncode)


def together(commands, *, env=None, log=None):
    """Runs commands at once, until the last of them ends."""
    with open(log or os.devnull, "ab") as out:
        begun = time.perf_counter()
        children = [
            subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
            for command in commands
        ]
        codes = [child.wait() for child in children]
        return Run(time.perf_counter() - begun, 0.0, 0.0, max(map(abs, codes)))


def spread(values, unit="s"):
    """`median unit (min … max)`."""
    values = list(values)
    return f"{figure(statistics.median(values))} {unit} ({figure(min(values))} … {figure(max(values))})"


def figure(value):
    """Three digits that mean something."""
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


def ratio(ours, theirs):
    """How many times longer they took, round by round: the two of a round met the same load."""
    ratios = [their.wall / our.wall for our, their in zip(ours, theirs)]
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} … {max(ratios):.1f})"


def rotated(contestants, turn):
    """Another one begins in each round."""
    turn %= len(contestants)
    return contestants[turn:] + contestants[:turn]


def machine():
    """A line about the machine and what else it is doing."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as text:
            model = next((line.split(":")[1].strip() for line in text if line.startswith("model name")), model)
    except OSError:
        pass
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} × {model}, {platform.system()} {platform.release()}, load {load}"


def fail(text):
    """Ends the program with a reason."""
    sys.exit(f"bench: {text}")
