"""An encoder of sentences with int8 weights: its file, its embeddings and what it finds, before and after.

    python examples/sentence_encoder.py [folder]

`folder` holds a sentence-transformers model, such as all-MiniLM-L6-v2. Without one, a small BERT learns on the spot
which sentence follows which. The sentences are from the Python reference, which Python carries for its `help()`.
"""

import re
import sys
from itertools import pairwise
from pydoc_data.topics import topics

import torch
from sentence_transformers import SentenceTransformer
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast

import gossamer as gs

paragraphs = [" ".join(part.split()) for name in sorted(topics) for part in topics[name].split("\n\n")]
sentences = [re.split(r"(?<=\.) (?=[A-Z])", part) for part in dict.fromkeys(paragraphs) if part[:1].isalpha()]
pairs = [(a, b) for said in sentences for a, b in pairwise(said) if min(len(a), len(b)) > 40]
held_out, train = pairs[::5], [pair for i, pair in enumerate(pairs) if i % 5]


def features(model: SentenceTransformer, texts: list[str]) -> dict[str, torch.Tensor]:
    return dict(model.tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt"))


def small_encoder(folder: str = "small-bert", epochs: int = 4) -> SentenceTransformer:
    learner = BertWordPieceTokenizer()
    learner.train_from_iterator(map(" ".join, train), vocab_size=2000, show_progress=False)
    BertTokenizerFast(tokenizer_object=learner).save_pretrained(folder)
    width = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "initializer_range": 0.06}
    BertModel(BertConfig(vocab_size=2000, num_hidden_layers=2, **width)).save_pretrained(folder)
    model = SentenceTransformer(folder, device="cpu").train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(epochs):
        for chosen in torch.randperm(len(train)).split(32):
            optimizer.zero_grad()
            a, b = (model(features(model, [train[i][side] for i in chosen]))["sentence_embedding"] for side in (0, 1))
            similar = 20 * torch.cosine_similarity(a.unsqueeze(1), b.unsqueeze(0), dim=-1)
            torch.nn.functional.cross_entropy(similar, torch.arange(len(chosen))).backward()
            optimizer.step()
    return model.eval()


def found(model: SentenceTransformer) -> float:
    """Per cent of held-out sentences whose true successor is among the nearest three of all successors."""
    a, b = (model.encode([pair[side] for pair in held_out], convert_to_tensor=True) for side in (0, 1))
    nearest = torch.cosine_similarity(a.unsqueeze(1), b.unsqueeze(0), dim=-1).topk(3).indices
    return 100 * float((nearest == torch.arange(len(a)).unsqueeze(1)).any(1).float().mean())


def main() -> None:
    torch.manual_seed(0)
    model = SentenceTransformer(sys.argv[1], device="cpu") if len(sys.argv) > 1 else small_encoder()
    texts = [text for pair in held_out for text in pair]
    result = gs.compress(
        model,
        gs.Quantize("int8"),  # weights only: needs no data
        evaluate=found,
        tolerance=2.0,
        example_inputs=(features(model, texts[:16]),),
        output=lambda features: features["sentence_embedding"],
        proof=gs.Proof(effort=gs.Effort(batch_sizes=(1, 16), seconds=2)),
    )
    print(result.report)

    gs.save_pretrained(result, "encoder-int8", overwrite=True)
    reloaded = SentenceTransformer("encoder-int8", device="cpu")  # after `import gossamer` it knows such folders
    before, after = (m.encode(texts, convert_to_tensor=True) for m in (model, reloaded))
    print(f"\ncosine of an embedding before and after, at worst: {torch.cosine_similarity(before, after).min():.5f}")


if __name__ == "__main__":
    main()
