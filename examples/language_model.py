"""Half of a language model's weights to zero and the rest to int8; perplexity and text, before and after.

    python examples/language_model.py [folder]

`folder` holds a causal language model of Hugging Face transformers with its tokenizer. Without one, a small Llama is
trained on the spot, in seconds: good enough to measure, not to talk with. The text for training, calibration and
perplexity is the reference of the Python language, which Python carries for its `help()`.
"""

import sys
from pydoc_data.topics import topics

import torch
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

import gossamer as gs

text = "\n".join(topics[name] for name in sorted(topics))


def small_tokenizer() -> PreTrainedTokenizerFast:
    learner = ByteLevelBPETokenizer()
    learner.train_from_iterator([text], vocab_size=1024, show_progress=False)
    return PreTrainedTokenizerFast(tokenizer_object=learner._tokenizer)


def small_llama(batches: list[dict[str, torch.Tensor]], epochs: int = 2) -> LlamaForCausalLM:
    width = {"vocab_size": 1024, "hidden_size": 64, "intermediate_size": 192, "num_attention_heads": 4}
    model = LlamaForCausalLM(
        LlamaConfig(**width, num_hidden_layers=2, tie_word_embeddings=True, initializer_range=0.08)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs * len(batches))
    for batch in batches * epochs:
        optimizer.zero_grad()
        model(**batch, labels=batch["input_ids"]).loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def main() -> None:
    torch.manual_seed(0)
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    tokenizer = AutoTokenizer.from_pretrained(folder) if folder else small_tokenizer()
    tokens = torch.tensor(tokenizer(text)["input_ids"])
    rows = tokens[: len(tokens) // 64 * 64].reshape(-1, 64)  # sequences of 64 tokens
    held_out, rows = rows[::20], rows[torch.arange(len(rows)) % 20 != 0]
    batches = [{"input_ids": rows[chosen]} for chosen in torch.randperm(len(rows)).split(8)]
    model = AutoModelForCausalLM.from_pretrained(folder) if folder else small_llama(batches)

    def perplexity(model: torch.nn.Module) -> float:
        return float(model(input_ids=held_out, labels=held_out).loss.exp())

    def written(model: torch.nn.Module) -> str:
        prompt = tokenizer("The expression is evaluated and", return_tensors="pt")["input_ids"]
        return tokenizer.decode(model.generate(prompt, max_new_tokens=24, do_sample=False)[0])

    result = gs.compress(
        model,
        [
            gs.Prune("top50%/row", "wanda", ignore=["lm_head"]),  # calibrates on the first 32 batches
            gs.Quantize("int8"),
            gs.Distill(steps=80, lr=2e-3),
        ],
        data=batches,
        evaluate=perplexity,
        higher_is_better=False,
        tolerance=2.0,
        example_inputs={"input_ids": held_out[:1]},
        proof=gs.Proof(effort=gs.Effort(batch_sizes=(1,), seconds=1)),
    )
    print(result.report)
    print(f"\nbefore: {written(model)!r}\nafter:  {written(result.model)!r}")


if __name__ == "__main__":
    main()
