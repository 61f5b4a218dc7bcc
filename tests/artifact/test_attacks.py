"""Files that lie with correct checksums: one error, `into` untouched, and a process of 1 GiB that ends by itself."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from artifact_models import RECIPE, packed_mixed
from forgery import Forgery
from lies import LIES

from gossamer.artifact import encode, entries

# The whole process gets 1 GiB of address space (RLIMIT_AS), of which the imports take about 0.65. Where they take more
# (each of torch's threads reserves some), a quarter of a GiB beyond them. Set after the imports, so that only reading
# is judged. All lies run in the one process, each with `load` and `inspect`.
CHILD = """
import json, resource, sys, tempfile, time
from pathlib import Path

sys.path[:0] = sys.argv[1:]
from artifact_models import RECIPE, Mixed, bits_of, packed_mixed
from forgery import Forgery
from lies import LIES

from gossamer.artifact import encode, entries, inspect, load
from gossamer.errors import ArtifactError

honest = encode(entries(packed_mixed()), RECIPE).data
into = Mixed()
before, classes = bits_of(into), [type(module) for module in into.modules()]
path = Path(tempfile.mkdtemp()) / "lie.safetensors"


def outcome(read):
    try:
        read()
    except ArtifactError as error:
        return str(error)[:2000]
    return None


path.write_bytes(honest)
inspect(path)
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
limit = max(1 << 30, used + (1 << 28))
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
found = {}
for name, (tell, _, where) in LIES.items():
    forgery = Forgery.of(honest)
    tell(forgery)
    path.write_bytes(forgery.data())
    del forgery
    found[name] = {how: outcome(lambda: load(path, into=into) if how == "load" else inspect(path)) for how in where}
    assert bits_of(into) == before and [type(module) for module in into.modules()] == classes, name
path.write_bytes(honest)
load(path, into=into)  # the limit leaves room for what is honest
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, str | None]]:
    if not Path("/proc/self/statm").exists():
        pytest.skip("the limit on memory is set by way of /proc")
    command = [sys.executable, "-c", CHILD, str(Path(__file__).parent)]
    child = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert child.returncode == 0, f"exit code {child.returncode}\n{child.stderr[-3000:]}"
    return json.loads(child.stdout)


def test_the_liar_can_tell_the_truth() -> None:
    honest = encode(entries(packed_mixed()), RECIPE).data
    forgery = Forgery.of(honest)
    for name, row in forgery.rows.items():
        if len(row) > 1:
            forgery.take_apart(name)
    assert forgery.data() == honest


@pytest.mark.parametrize("name", LIES)
def test_lies(name: str, outcomes: dict[str, dict[str, str | None]]) -> None:
    _, words, where = LIES[name]
    assert set(outcomes[name]) == set(where)
    for how, message in outcomes[name].items():
        assert message is not None, f"{how} took it"
        assert message.startswith("lie.safetensors: ")
        assert re.search(words, message), f"{how}: {message}"
