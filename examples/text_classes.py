"""Which words tell newsgroups apart? Accuracy against their number, and the words with the largest weights.

    python examples/text_classes.py [--synthetic]

Sparse multinomial regression along a path of penalties, on a sparse matrix of words. A fifth of the training posts
chooses the penalty; the test posts, which are later ones, only judge. Writes text_classes.png.
"""

from collections import Counter
from math import log

import data
import matplotlib.pyplot as plt
import torch

from gossamer.sparse import loss_path, stratified_folds

GROUPS = ("comp.graphics", "rec.sport.hockey", "sci.med", "sci.space", "talk.politics.mideast")
SHOWN = 8  # words a group


def words_of(posts: list[str], words: dict[str, int]) -> torch.Tensor:
    """A sparse row of norm 1 for each post: 1 + log of how often each of these words stands in it."""
    found = [Counter(word for word in post.split() if word in words) for post in posts]
    entries = [(row, words[word], 1 + log(times)) for row, post in enumerate(found) for word, times in post.items()]
    rows, columns, values = (torch.tensor(axis) for axis in zip(*entries, strict=True))
    norm = torch.zeros(len(posts)).index_add(0, rows, values**2).sqrt()
    size = (len(posts), len(words))
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), values / norm[rows], size, check_invariants=True)


def main() -> None:
    synthetic = data.synthetic_asked(__doc__)
    (posts, groups), (test_posts, test_groups) = (
        data.newsgroups(part, GROUPS, synthetic) for part in ("train", "test")
    )
    held_in, held_out = stratified_folds(groups, 5)[0]
    seen = Counter(word for post in held_in.tolist() for word in set(posts[post].split()))
    words = {word: place for place, word in enumerate(sorted(w for w, times in seen.items() if times >= 5))}
    x, y = words_of(posts, words), torch.tensor(groups)
    path = loss_path(
        x.index_select(0, held_in), y[held_in], "multinomial", count=30, ratio=1e-3, intercept=True, tol=1e-5
    )

    def right(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        z = torch.stack([(x @ weights.mT + c) for weights, c in zip(path.x, path.recovery.intercept, strict=True)])
        return 100 * (z.argmax(2) == y).double().mean(1)

    used = (path.x != 0).any(1).sum(1)
    chosen = right(x.index_select(0, held_out), y[held_out])
    test = right(words_of(test_posts, words), torch.tensor(test_groups))
    best = int(chosen.argmax())
    for place in sorted({int((used <= most).nonzero()[-1]) for most in (10, 100)} | {best}):
        print(f"{used[place]} of {len(words)} words: {test[place]:.1f} % of {len(test_posts)} test posts", end="")
        print(", chosen by the held-out posts" * (place == best))

    layout = {"figsize": (9, 6.5), "layout": "constrained", "height_ratios": [1, 1.2]}
    names = [group.split(".")[-1] for group in GROUPS]
    figure, axes = plt.subplot_mosaic([["top"] * len(GROUPS), names], **layout)
    axes["top"].plot(used[1:], test[1:], "o-", color="#0072b2", label="test posts" + " (synthetic)" * synthetic)
    axes["top"].plot(used[1:], chosen[1:], "s--", color="#e69f00", markersize=4, label="held-out training posts")
    axes["top"].axvline(used[best], color="black", linewidth=0.8)
    axes["top"].annotate("chosen", (used[best], 25), (-4, 0), textcoords="offset points", ha="right")
    axes["top"].set(xscale="log", xlabel="words with a weight", ylabel="groups told right, in %", ylim=(20, 100))
    axes["top"].legend(frameon=False, loc="lower center")
    axes["top"].grid(color="0.9")
    listed = list(words)
    for name, weights in zip(names, path.x[best], strict=True):
        largest = weights.argsort(descending=True)[:SHOWN]
        axes[name].barh([listed[word] for word in largest.tolist()], weights[largest].tolist(), color="#0072b2")
        axes[name].invert_yaxis()
        axes[name].set(title=name, xlabel="weight", xlim=(0, float(path.x[best].max())))
    figure.savefig("text_classes.png", dpi=100)


if __name__ == "__main__":
    main()
