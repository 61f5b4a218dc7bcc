"""The loaders: parts that never meet and never change; small stand-ins for what would be fetched."""

from __future__ import annotations

import gzip

import data
import numpy as np
import pytest
import torch

from gossamer.demo.digits import split as demo_split

LOADERS = [data.digits, data.fashion_mnist, data.mnist_sample, data.newsgroups]


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.__name__)
def test_another_part_is_an_error_before_anything_is_fetched(loader, monkeypatch):
    monkeypatch.setattr(data, "fetched", lambda *_: pytest.fail("fetched"))
    with pytest.raises(ValueError, match="part 'dev': choose one of train, validation, test"):
        loader("dev")


def test_digits_parts_are_the_demo_s_with_validation_from_its_training_images():
    parts = {part: data.digits(part) for part in data.PARTS}
    assert [len(labels) for _, labels in parts.values()] == [1211, 136, 450]
    assert torch.equal(parts["test"][0], demo_split("test")[0])
    fitted = torch.cat([parts["train"][0], parts["validation"][0]]).flatten(1)
    expected = demo_split("train")[0].flatten(1)
    assert sorted(fitted.tolist()) == sorted(expected.tolist())
    assert torch.equal(data.digits("validation")[0], parts["validation"][0])
    shares = parts["validation"][1].bincount() / demo_split("train")[1].bincount()
    assert (shares - data.VALIDATION_SHARE).abs().max() < 0.005  # rounding: half an image in 130


def idx(path, dimensions, values):
    header = bytes([0, 0, 8, len(dimensions)]) + b"".join(n.to_bytes(4, "big") for n in dimensions)
    path.write_bytes(gzip.compress(header + values.astype(np.uint8).tobytes()))


def test_fashion_mnist_parts_and_scale(tmp_path, monkeypatch):
    for kind, count in (("train", 10), ("t10k", 4)):
        images = np.repeat(np.arange(count), 784) * 20
        idx(tmp_path / f"{kind}-images-idx3-ubyte.gz", (count, 28, 28), images)
        idx(tmp_path / f"{kind}-labels-idx1-ubyte.gz", (count,), np.arange(count))
    monkeypatch.setattr(data, "fetched", lambda *_: tmp_path)
    monkeypatch.setattr(data, "FASHION_VALIDATION", 3)
    expected = {"train": range(7), "validation": range(7, 10), "test": range(4)}
    for part, numbers in expected.items():
        images, labels = data.fashion_mnist.__wrapped__(part)  # not the answer that `cache` keeps
        assert labels.tolist() == list(numbers)
        assert labels.dtype == torch.int64
        assert images.shape == (len(numbers), 1, 28, 28)
        pixels = images[:, 0, 0, 0] * 0.3530 + 0.2860
        assert torch.allclose(pixels, torch.tensor([n * 20 / 255 for n in numbers]), atol=1e-6)  # float32


def test_mnist_sample_parts_are_stratified_disjoint_and_complete(tmp_path, monkeypatch):
    labels = np.repeat(np.arange(10), 20)
    table = np.zeros((200, 785))
    table[:, 0], table[:, -1] = np.arange(200), labels  # the first pixel tells which image it is
    (file,) = data.MNIST_SAMPLE
    with gzip.open(tmp_path / file, "wt") as stream:
        np.savetxt(stream, table, delimiter=",", fmt="%d")
    monkeypatch.setattr(data, "fetched", lambda *_: tmp_path)
    seen = []
    for part, of_each in (("train", 14), ("validation", 2), ("test", 4)):
        images, found = data.mnist_sample.__wrapped__(part)
        assert found.bincount().tolist() == [of_each] * 10
        numbers = ((images[:, 0, 0, 0] * 0.3081 + 0.1307) * 255).round().long()
        assert torch.equal(torch.from_numpy(labels)[numbers], found)
        seen += numbers.tolist()
    assert sorted(seen) == list(range(200))


def test_newsgroups_parts_are_disjoint_and_complete(tmp_path, monkeypatch):
    for file, count in (("train", 30), ("test", 7)):
        texts = "".join(f"group.{i % 3}\t{file} text {i}\n" for i in range(count))
        (tmp_path / f"20newsgroups-{file}.tab").write_text("Category\tText\nd\tstring\nclass\t\n\n" + texts)
    monkeypatch.setattr(data, "fetched", lambda *_: tmp_path)
    parts = {part: data.newsgroups.__wrapped__(part) for part in data.PARTS}
    assert [len(texts) for _, texts in parts.values()] == [27, 3, 7]
    assert parts["validation"][1] == ("train text 9", "train text 19", "train text 29")
    assert not set(parts["train"][1]) & set(parts["validation"][1])
    assert parts["test"] == (tuple(f"group.{i % 3}" for i in range(7)), tuple(f"test text {i}" for i in range(7)))


def test_photographs_come_as_they_are(tmp_path, monkeypatch):
    for value, file in enumerate(data.PHOTOGRAPHS):
        np.savez(tmp_path / file, data=np.full((4, 4), value, np.uint8))
    monkeypatch.setattr(data, "fetched", lambda *_: tmp_path)
    assert [image[0, 0] for image in data.photographs.__wrapped__()] == [0, 1, 2]
