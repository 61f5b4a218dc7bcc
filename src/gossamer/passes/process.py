"""A job, measured in a fresh Python process that is given only what the job names.

The folder that the two processes share, in a private temporary directory:
    job.pt        the fields that are plain: text, numbers, tensors; read with weights_only=True
    objects.pkl   the fields that are not, by cloudpickle; absent when everything is plain
    result.json   written by the child, all at once
    output.txt    what the child, and the user's code in it, printed
"""

from __future__ import annotations

import copy
import importlib
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import errors
from ..errors import GossamerError, VerifyError
from .measure import Job, measured

__all__ = ["answer", "in_fresh_process", "receive"]

log = logging.getLogger(__name__)

MODULE = "gossamer.passes.child"
JOB, OBJECTS, RESULT, OUTPUT = "job.pt", "objects.pkl", "result.json", "output.txt"
TAIL = 12


class Unsendable(Exception):
    """Something in the job cannot reach another process; the message says what, and why."""


def in_fresh_process(job: Job, timeout: float | None = None) -> tuple[dict[str, Any], list[str]]:
    """What `measured(job)` finds in a child process, and notes on how it was run.

    The child is a new interpreter and never imports the caller's `__main__`, so scripts without a main guard
    and notebooks work. It has the caller's working directory, import path, environment and thread count. A
    job that cannot be sent is measured in this process, and a note says so.

    Raises: VerifyError when the child dies or takes longer than `timeout` seconds; what gossamer raises in
    the child (EvaluateError, ArtifactError, …) is raised here.
    """
    with tempfile.TemporaryDirectory(prefix="gossamer-verify-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            _send(job, folder)
            return _answered(folder, _run(folder, timeout)), []
        except Unsendable as reason:
            log.warning("measuring in this process: %s", reason)
            apart = {name: copy.deepcopy(value) for name, value in job.dense.items()}  # of the user's own model
            return measured(replace(job, dense=apart)), [f"measured in this process, not in a fresh one: {reason}"]


def receive(folder: Path) -> Job:
    """In the child: the job. Raises Unsendable when an object cannot be rebuilt here."""
    values: dict[str, Any] = torch.load(folder / JOB, weights_only=True)
    path = folder / OBJECTS
    if path.exists():
        try:
            values |= pickle.loads(path.read_bytes())
        except Exception as error:
            raise Unsendable(
                f"what was sent cannot be rebuilt in another process ({type(error).__name__}: {error})"
            ) from error
    return Job(**values)


def answer(folder: Path) -> None:
    """In the child: measure the job of the folder and write what came of it."""
    try:
        outcome: dict[str, Any] = {"measured": measured(receive(folder))}
    except Unsendable as reason:
        outcome = {"unsendable": str(reason)}
    except GossamerError as error:
        outcome = {"error": type(error).__name__, "message": str(error)}
    draft = folder / f"{RESULT}.draft"
    draft.write_text(json.dumps(outcome), encoding="utf-8")
    draft.replace(folder / RESULT)


def _send(job: Job, folder: Path) -> None:
    if not sys.executable:
        raise Unsendable("sys.executable does not name the Python interpreter")
    values = {field.name: getattr(job, field.name) for field in fields(job)}
    plain = {name: value for name, value in values.items() if _is_plain(value)}
    torch.save(plain, folder / JOB)
    objects = {name: value for name, value in values.items() if name not in plain}
    if objects:
        (folder / OBJECTS).write_bytes(_pickled(objects))


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return type(value) is dict and all(map(_is_plain, value.values()))
    if type(value) in (tuple, list):
        return all(map(_is_plain, value))
    return value is None or type(value) in (str, int, float, bool, Tensor, nn.Parameter)


def _pickled(objects: dict[str, Any]) -> bytes:
    try:
        cloudpickle = importlib.import_module("cloudpickle")
    except ImportError as error:
        raise Unsendable(f"{', '.join(objects)} need the package cloudpickle to be sent") from error
    for name, value in objects.items():
        try:
            cloudpickle.dumps(value)
        except Exception as error:  # whatever a user's __reduce__ raises
            raise Unsendable(f"{name} cannot be sent ({type(error).__name__}: {error})") from error
    pickled: bytes = cloudpickle.dumps(objects)  # together: what they share stays shared
    return pickled


def _run(folder: Path, timeout: float | None) -> int:
    # -P: `-m` would put the working directory first on the path, where a stray random.py may lie
    command = [sys.executable, "-P", "-m", MODULE, str(folder), str(os.getpid())]
    path = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    with (
        (folder / OUTPUT).open("wb") as output,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C reaches only the parent, which ends the child and its workers
        ) as child,
    ):
        try:
            return child.wait(timeout)
        except subprocess.TimeoutExpired:
            raise VerifyError(
                f"the measuring process was still at work after timeout={timeout} s and was ended; "
                f"give it more, or None{_tail(folder)}"
            ) from None
        finally:
            _end(child)


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    if os.name == "posix":
        os.killpg(child.pid, signal.SIGKILL)
    else:
        child.kill()
    child.wait()


def _answered(folder: Path, code: int) -> dict[str, Any]:
    if printed := _tail(folder):
        log.info("the measuring process printed%s", printed)
    path = folder / RESULT
    if not path.exists():
        raise VerifyError(f"the measuring process {_ending(code)} before it had a result{_tail(folder)}")
    outcome: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if "unsendable" in outcome:
        raise Unsendable(outcome["unsendable"])
    if "error" in outcome:
        kind = getattr(errors, outcome["error"], VerifyError)
        raise kind(outcome["message"])
    found: dict[str, Any] = outcome["measured"]
    return found


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was killed by {name}" + (" (often: out of memory)" if name == "SIGKILL" else "")


def _tail(folder: Path) -> str:
    """The last lines that the child printed, a traceback's end among them."""
    lines = (folder / OUTPUT).read_text(encoding="utf-8", errors="replace").splitlines()
    # torch's profiler greets with lines that begin so
    kept = [line for line in lines if line.strip() and not line.startswith("USDT:")]
    return "".join(f"\n    {line}" for line in kept[-TAIL:])
