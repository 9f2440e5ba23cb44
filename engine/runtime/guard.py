"""Stands between the pool and one worker, so that nothing the worker starts can outlive it: run as a program, by path.

    python -I -S guard.py CONTROL MEMORY NICE COMMAND...

CONTROL is a descriptor, MEMORY the address space in bytes of each process of the worker, NICE what it gives way by.

Guarantees
1. The command runs in a session and process group of its own, with this process's standard streams and environment.
2. When nothing holds the other end of CONTROL any more (whoever started us closed it, or died in any way), every process
   that descends from the command is killed and reaped, and then this process ends with exit code 0: those included that
   left the group (setsid) or whose parents are gone, which are handed to us (PR_SET_CHILD_SUBREAPER of prctl(2)).
3. Where this process is killed, so is the command (PR_SET_PDEATHSIG); what it detached before is then nobody's to find.

2 and 3 are Linux's; elsewhere the group is killed, no more. Nothing is imported but the standard library, and little of it:
one of these stands by for each worker.
"""

import ctypes
import os
import resource
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
POLL_SECONDS = 0.001
LINUX = sys.platform == "linux"


def main() -> None:
    """Start the worker, wait for the end of CONTROL, end everything."""
    control, memory, nice = (int(argument) for argument in sys.argv[1:4])
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    ours = os.getpid()
    worker = os.fork()
    if worker == 0:
        os.close(control)
        become_worker(ours, memory, nice, sys.argv[4:])
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # their ends are the worker's alone to close
        os.dup2(null, stream)
    os.read(control, 1)
    end_all(worker)


def become_worker(guard: int, memory: int, nice: int, command: list[str]) -> None:
    """In the child: never returns."""
    os.setsid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:  # it was gone before we asked to be told
        os._exit(1)
    if LINUX:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    os.nice(nice)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the operator's command, no shell
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def end_all(worker: int) -> None:
    """Kill and reap until no child is left; the children of those that end become ours, and are next."""
    try:
        # Not reaped yet, so the number is nobody else's.
        os.killpg(worker, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # it did not get as far as setsid; on BSDs, a group of the dead
        os.kill(worker, signal.SIGKILL)
    while True:
        for child in children():
            os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        time.sleep(POLL_SECONDS)


def children() -> list[int]:
    """Our children, the dead that are not reaped included: only we reap them, so their numbers are nobody else's."""
    if not LINUX:
        return []
    with open(f"/proc/self/task/{os.getpid()}/children") as listed:  # noqa: PTH123 - pathlib costs more than all of this
        return [int(pid) for pid in listed.read().split()]


def prctl(option: int, value: int) -> None:
    """The system call of that name, where there is one."""
    if LINUX:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main()
