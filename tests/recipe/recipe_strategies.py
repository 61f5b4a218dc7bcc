"""Any recipe: hypothesis strategies for every step and every field."""

from __future__ import annotations

from hypothesis import strategies as st

from gossamer.layer import METHODS
from gossamer.recipe import CorrectBias, Distill, Factorize, Impose, Prune, Quantize, ReestimateBatchNorm
from gossamer.structure import NM, Block, Codebook, Grid, LowRank, Structure, TopK

counts = st.integers(1, 10**9)
batches = st.none() | counts
positive = st.floats(min_value=1e-300, max_value=1e300)
densities = st.floats(min_value=1e-6, max_value=1.0)
supports = st.one_of(
    st.builds(lambda d, s: TopK(d, scope=s), densities, st.sampled_from(["row", "layer", "model"])),
    st.builds(lambda d, b: TopK(d, scope="block", block=b), densities, counts),
    st.builds(lambda k: TopK(k=k, scope="row"), counts),
    st.builds(lambda a, b: NM(min(a, b), max(a, b)), st.integers(1, 128), st.integers(1, 128)),
    st.builds(Block, counts, counts, densities, st.sampled_from(["row", "layer"])),
)
grids = st.builds(lambda b, g, s: Grid(b, group=g, symmetric=s), st.integers(2, 8), st.none() | counts, st.booleans())
values = st.one_of(
    grids,
    st.builds(lambda s: Grid(8, per="tensor", symmetric=s), st.booleans()),
    st.builds(Codebook, counts.filter(lambda n: n <= 256) | st.just(16)),
)
ranks = st.builds(LowRank, counts)
# What YAML could take for something else, beside any text at all.
WORDS = (
    "re:.*fc[12]? maybe:Embedding maybe:re:.* 0 1.5 1e3 null ~ true yes no on 2:4 0x1f 1_000 12:30:45 2001-01-01 << ="
)
MARKS = "*fc &fc !fc [fc] {fc} 'fc' \"fc\" | > %fc @fc `fc"
SPACES = ["- fc", "? fc", "# fc", "fc # 1", "a: b", " fc", "fc ", "a\nb", "\ta", "\x85", "\u2028", "é😀"]
names = st.text(max_size=20) | st.sampled_from([*WORDS.split(), *MARKS.split(), *SPACES])
targets = st.lists(names, max_size=3)


@st.composite
def _compressing(draw: st.DrawFn, cls: type, structures: st.SearchStrategy[Structure]):
    structure = draw(structures)
    fitting = [name for name, method in METHODS.items() if all(isinstance(w, method.words) for w in structure.words)]
    fields = {
        "method": draw(st.sampled_from(fitting)),
        "targets": draw(st.none() | targets),
        "ignore": draw(targets),
        "batches": draw(batches),
    }
    if isinstance(structure.values, Grid):
        fields["clip"] = draw(st.booleans())
    support = structure.support
    if isinstance(support, TopK) and support.scope == "model":
        fields["floor"] = draw(st.none() | st.floats(0, support.density))
        fields["cap"] = draw(st.floats(support.density, 1))
    return cls(structure, **fields)


STEP_STRATEGIES = {
    Prune: _compressing(Prune, st.builds(Structure, supports)),
    Quantize: _compressing(Quantize, st.builds(Structure, st.none(), values)),
    Factorize: _compressing(Factorize, st.builds(Structure, st.none(), st.none(), ranks)),
    Impose: _compressing(
        Impose,
        st.builds(Structure, st.none() | supports, st.none() | values, st.none() | ranks).filter(lambda s: s.words),
    ),
    Distill: st.builds(
        Distill, counts, positive, st.none() | counts, positive, st.floats(0, 1), st.sampled_from(["kl", "mse"])
    ),
    CorrectBias: st.builds(CorrectBias, batches),
    ReestimateBatchNorm: st.builds(ReestimateBatchNorm, batches),
}
recipes = st.lists(st.one_of(*STEP_STRATEGIES.values()), min_size=1, max_size=4).map(tuple)
