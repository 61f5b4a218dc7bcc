"""`verify`: what reaches the measuring process, what comes back, and how each failure is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path

import pytest
import torch
from torch import nn

from gossamer.artifact import dense_bytes, save
from gossamer.errors import ArtifactError, EvaluateError, VerifyError
from gossamer.passes import process
from gossamer.passes.measure import measured
from gossamer.passes.timing import Ratio
from gossamer.passes.verify import Effort, Metric, verdicts, verify
from gossamer.report import Measure, Timing

QUICK = Effort(batch_sizes=(2,), runs=2, seconds=0.01)
MODULE = """
    import torch
    from torch import nn

    def make():
        return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))

    def metric(model):
        print("users print")
        return float(model[0].weight.detach().abs().sum())

    def broken(model):
        raise KeyError("no such label")
"""


def make() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))


def weight_sum(model: nn.Module) -> float:
    return float(model[0].weight.detach().abs().sum())


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A user's module that only sys.path of this process finds."""
    folder = tmp_path / "shop folder"
    folder.mkdir()
    (folder / "shop_models.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.syspath_prepend(str(folder))
    return "shop_models"


@pytest.fixture
def pair(tmp_path):
    """A dense model, and the file of one that differs from it in one weight."""
    dense = make()
    small = make()
    small.load_state_dict(dense.state_dict())
    with torch.no_grad():
        small[0].weight[0, 0] = 0
    path = tmp_path / "small.safetensors"
    save(small, path)
    return dense, small, path


@pytest.fixture
def no_process(monkeypatch):
    """Any attempt to start one fails the test."""

    def refuse(*_):
        raise AssertionError("a process was started")

    monkeypatch.setattr(process, "_run", refuse)


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """Nothing of `verify` stays behind."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def test_names_alone_cross_as_data_and_everything_is_measured(pair, shop, monkeypatch):
    dense, small, path = pair
    sent: list[list[str]] = []
    run = process._run

    def watched(folder: Path, timeout: float | None) -> int:
        sent.append(sorted(file.name for file in folder.iterdir()))
        return run(folder, timeout)

    monkeypatch.setattr(process, "_run", watched)
    x = torch.randn(4, 6)
    found = verify(
        path, into=f"{shop}:make", dense=dense, example_inputs=(x,), metric=Metric(f"{shop}:metric"), effort=QUICK
    )
    assert sent == [["job.pt"]]
    assert found.before.bytes == dense_bytes(dense)
    assert found.after.bytes == path.stat().st_size
    assert found.before.metric == pytest.approx(weight_sum(dense))
    assert found.after.metric == pytest.approx(weight_sum(small))
    assert found.before.peak_memory == found.after.peak_memory == 4 * 4 * (5 + 5)
    with torch.no_grad():
        assert found.output_difference == pytest.approx(float((dense(x) - small(x)).abs().max()))
    for measure in (found.before, found.after):
        assert measure.ms[2].runs == 2
        assert 0 < measure.ms[2].lower <= measure.ms[2].median <= measure.ms[2].upper <= measure.ms[2].p95
    assert [v.question for v in found.verdicts] == ["smaller?", "faster at batch 2?", "as good?"]
    assert found.machine["threads"] == torch.get_num_threads()
    assert found.notes == ()


def test_closures_lambdas_and_instances_travel(pair):
    dense, _, path = pair
    offset = 100.0
    found = verify(
        path,
        into=dense,
        dense=dense,
        example_inputs={"x": torch.randn(2, 6)},
        metric=Metric(lambda model: offset + weight_sum(model), before=0.0),
        forward=lambda model, inputs: {"logits": model(inputs["x"]), "pid": os.getpid()},
        output=lambda result: result["logits"] + result["pid"] * 0,
        effort=Effort(batch_sizes=None, runs=2, seconds=0.01, threads=1),
    )
    assert found.notes == ()
    assert found.before.metric == 0.0
    assert found.after.metric > offset
    assert list(found.after.ms) == [2]
    assert found.machine["threads"] == 1


def test_a_script_without_main_guard_and_definitions_in_main(pair, tmp_path):
    dense, _, path = pair
    torch.save(dense.state_dict(), tmp_path / "dense.pt")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import torch
            from torch import nn
            from gossamer.passes.verify import Effort, Metric, verify

            class Net(nn.Sequential):
                def __init__(self):
                    super().__init__(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))

            def size(model):
                return float(sum(p.numel() for p in model.parameters() if isinstance(model, Net)))

            dense = Net()
            dense.load_state_dict(torch.load({str(tmp_path / "dense.pt")!r}))
            found = verify({str(path)!r}, into=Net, dense=dense, example_inputs=torch.zeros(1, 6),
                           metric=Metric(size), effort=Effort(runs=1, seconds=0.01, batch_sizes=(1,)))
            print("once", found.before.metric, found.notes)
            """
        )
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, check=False)
    assert ran.stdout == "once 53.0 ()\n", ran.stderr


def test_what_cannot_travel_is_measured_here_and_said(pair, no_process):
    dense, _, path = pair
    lock = threading.Lock()
    x = torch.randn(4, 6)
    threads, state = torch.get_num_threads(), torch.get_rng_state()

    def locked(model):
        with lock:
            return weight_sum(model)

    before = {name: (t.data_ptr(), t.clone()) for name, t in dense.state_dict().items()}
    dense.train()
    found = verify(path, into=make, dense=dense, example_inputs=x, metric=Metric(locked), effort=QUICK)
    (note,) = found.notes
    assert note.startswith("measured in this process, not in a fresh one: evaluate cannot be sent")
    assert found.before.metric == pytest.approx(weight_sum(dense))
    assert all(t.data_ptr() == before[n][0] and torch.equal(t, before[n][1]) for n, t in dense.state_dict().items())
    assert dense.training
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_without_cloudpickle_names_work_and_callables_are_measured_here(pair, monkeypatch, no_process):
    dense, _, path = pair
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    found = verify(path, into=make, dense=dense, example_inputs=torch.randn(4, 6), effort=QUICK)
    assert "into need the package cloudpickle" in found.notes[0]


def test_what_cannot_be_rebuilt_there_is_measured_here_and_said(pair, monkeypatch):
    dense, _, path = pair
    here = type(sys)("module_only_here")
    exec("def metric(model):\n    return 1.0", here.__dict__)
    monkeypatch.setitem(sys.modules, here.__name__, here)
    found = verify(
        path, into=make, dense=dense, example_inputs=torch.randn(4, 6), metric=Metric(here.metric), effort=QUICK
    )
    assert "cannot be rebuilt in another process" in found.notes[0]
    assert found.after.metric == 1.0


def test_an_exception_in_evaluate_is_an_evaluate_error(pair, shop):
    dense, _, path = pair
    with pytest.raises(EvaluateError, match="KeyError: 'no such label'"):
        verify(
            path,
            into=make,
            dense=dense,
            example_inputs=torch.randn(4, 6),
            metric=Metric(f"{shop}:broken"),
            effort=QUICK,
        )


@pytest.mark.parametrize(
    ("last_words", "message"),
    [
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "was killed by SIGKILL"),
        (lambda: sys.exit("went home"), "ended with exit code 1(.|\n)*went home"),
    ],
)
def test_a_process_that_dies_is_a_verify_error(pair, last_words, message):
    dense, _, path = pair
    with pytest.raises(VerifyError, match=message):
        verify(path, into=last_words, dense=dense, example_inputs=torch.randn(4, 6), effort=QUICK)


def test_a_process_over_its_time_is_ended(pair):
    dense, _, path = pair
    with pytest.raises(VerifyError, match=r"timeout=0.05 s and was ended"):
        verify(path, into=make, dense=dense, example_inputs=torch.randn(4, 6), effort=Effort(timeout=0.05))


def test_an_interrupt_ends_the_process(pair, monkeypatch):
    dense, _, path = pair
    children: list[subprocess.Popen] = []
    wait = subprocess.Popen.wait

    def interrupted(child, timeout=None):
        if not children:
            children.append(child)
            raise KeyboardInterrupt
        return wait(child, timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        verify(path, into=make, dense=dense, example_inputs=torch.randn(4, 6), effort=QUICK)
    assert children[0].returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"into": "shop:a b"}, "into='shop:a b' is not of the form"),
        ({"into": "make"}, "package.module:callable"),
        ({"into": "__main__:make"}, "another module in the measuring process"),
        ({"metric": Metric("shop.metric")}, "evaluate='shop.metric'"),
    ],
)
def test_a_bad_name_is_refused_before_anything_starts(pair, no_process, change, message):
    dense, _, path = pair
    with pytest.raises(VerifyError, match=message):
        verify(path, **{"into": make, "dense": dense, "example_inputs": torch.randn(4, 6)} | change)


def test_a_missing_file_is_refused_before_anything_starts(pair, no_process):
    with pytest.raises(ArtifactError, match=r"nowhere.safetensors: no such file"):
        verify("nowhere.safetensors", into=make, dense=pair[0], example_inputs=torch.randn(4, 6))


@pytest.mark.parametrize("bad", [{"batch_sizes": ()}, {"batch_sizes": (0,)}, {"runs": 0}, {"seconds": 0.0}])
def test_impossible_efforts_are_refused(bad):
    with pytest.raises(VerifyError, match=next(iter(bad))):
        Effort(**bad)


@pytest.fixture
def here(monkeypatch):
    """Measure in this process: for what does not depend on where it runs."""
    module = sys.modules[verify.__module__]  # the package's own `verify` is the function
    monkeypatch.setattr(module, "in_fresh_process", lambda job, timeout: (measured(job), []))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"into": lambda: 3}, "made a int"),
        ({"into": lambda: 1 / 0}, "raised ZeroDivisionError"),
        ({"into": lambda: nn.Linear(6, 5)}, "the dense model is not what"),
        ({"into": "no_such_module_anywhere:make"}, "no package 'no_such_module_anywhere'"),
        ({"into": "gossamer.errors:make"}, "cannot be imported"),
        ({"metric": lambda model: 1.0}, r"metric is a Metric\(evaluate="),
        ({"example_inputs": torch.randn(4, 7)}, r"could not take example_inputs \(Tensor\(4×7"),
        ({"forward": lambda m, x: m(*x) if len(x[0]) == 4 else 1 / 0}, r"batch \(Tensor\(2×6(.|\n)*batch_sizes"),
    ],
)
def test_what_the_user_gave_wrong_is_named(pair, here, change, message):
    dense, _, path = pair
    given = {"into": make, "dense": dense, "example_inputs": torch.randn(4, 6), "effort": QUICK}
    with pytest.raises(VerifyError, match=message):
        verify(path, **given | change)


def test_a_damaged_file_is_an_artifact_error(pair, here):
    dense, _, path = pair
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ArtifactError):
        verify(path, into=make, dense=dense, example_inputs=torch.randn(4, 6), effort=QUICK)


class RefusesInference(nn.Sequential):
    def forward(self, x):
        if torch.is_inference_mode_enabled():
            raise RuntimeError("Cannot run in inference mode")
        return super().forward(x)


def test_a_model_that_refuses_inference_mode_is_measured_under_no_grad(tmp_path, here):
    def build():
        return RefusesInference(nn.Linear(6, 5))

    dense = build()
    save(dense, tmp_path / "small.safetensors")
    found = verify(
        tmp_path / "small.safetensors", into=build, dense=dense, example_inputs=torch.randn(4, 6), effort=QUICK
    )
    assert found.output_difference == 0
    assert "refuses inference mode" in found.notes[0]


def test_dense_weights_keep_their_dtype(tmp_path, here):
    dense = make().bfloat16()
    save(dense, tmp_path / "small.safetensors")
    seen: list[torch.dtype] = []

    def forward(model, inputs):
        seen.append(model[0].weight.dtype)
        return model.float()(*inputs)

    effort = Effort(batch_sizes=None, runs=1, seconds=0.01)
    path = tmp_path / "small.safetensors"
    verify(path, into=make, dense=dense, example_inputs=torch.randn(4, 6), forward=forward, effort=effort)
    assert seen[0] == torch.bfloat16


class Versioned(nn.Linear):
    _version = 2

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        assert local_metadata["version"] == 2
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


def test_dense_weights_load_as_the_version_they_have(tmp_path, here):
    path = tmp_path / "versioned.safetensors"
    save(Versioned(6, 5), path)
    given = {"into": lambda: Versioned(6, 5), "dense": Versioned(6, 5), "example_inputs": torch.randn(4, 6)}
    assert verify(path, **given, effort=QUICK).output_difference > 0


def timing(ms: float) -> Timing:
    return Timing(ms, ms, ms, ms, 5)


@pytest.mark.parametrize(
    ("after", "change", "outcomes"),
    [
        (Measure(50, {1: timing(0.5)}, 0.9), Ratio(0.5, 0.4, 0.6), ["better", "better", "within noise"]),
        (Measure(100, {1: timing(1.0)}, 0.8), Ratio(1.0, 0.9, 1.2), ["within noise", "within noise", "worse"]),
        (Measure(101, {1: timing(2.0)}, 0.95), Ratio(2.0, 1.9, 2.1), ["worse", "worse", "better"]),
    ],
)
def test_verdicts(after, change, outcomes):
    before = Measure(100, {1: timing(1.0)}, 0.9)
    assert [v.outcome for v in verdicts(before, after, {1: change}, Metric(tolerance=0.02))] == outcomes


@pytest.mark.parametrize(
    ("ms", "change", "said"),
    [
        (0.02, Ratio(0.7, 0.69, 0.71), "less than 0.01 ms counts as none"),
        (5.0, Ratio(1.015, 1.011, 1.019), "less than 2 % counts as none"),
        (5.0, Ratio(0.99, 0.98, 1.0), "0.98 to 1.00 with 99 % confidence"),
        (5.0, Ratio(0.5, 0.0, float("inf")), "fewer than 8 runs cannot tell"),
    ],
)
def test_a_steady_difference_that_is_called_none_says_why(ms, change, said):
    answer = verdicts(Measure(1, {1: timing(ms)}), Measure(1, {1: timing(ms)}), {1: change}, Metric())[1]
    assert answer.outcome == "within noise"
    assert answer.detail.endswith(said)


@pytest.mark.parametrize(
    ("metric", "after", "outcome"),
    [
        (Metric(tolerance=0.01), 0.89, "within noise"),
        (Metric(tolerance=0.01), 0.889, "worse"),
        (Metric(tolerance=0.01), 0.92, "better"),
        (Metric(), 0.9, "within noise"),
        (Metric(), 0.899, "worse"),
        (Metric(), 0.901, "better"),
        (Metric(higher_is_better=False), 0.899, "better"),
        (Metric(higher_is_better=False, tolerance=0.1), 1.1, "worse"),
    ],
)
def test_as_good(metric, after, outcome):
    assert metric.as_good(0.90, after) == outcome
