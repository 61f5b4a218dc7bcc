"""Half of a language model's weights to zero and the rest to int8; perplexity and text, before and after.

    python examples/language_model.py [folder]

`folder` holds a causal language model of transformers with its tokenizer. Without one, a small Llama is trained on the
spot: good enough to measure, not to talk with. The text is the Python reference, which Python carries for its `help()`.
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
    shape = {"hidden_size": 64, "intermediate_size": 192, "num_hidden_layers": 2, "num_attention_heads": 4}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=1024, **shape, tie_word_embeddings=True, initializer_range=0.08))
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, total_iters=epochs * len(batches))
    for batch in batches * epochs:
        optimizer.zero_grad()
        model(**batch, labels=batch["input_ids"]).loss.backward()
        optimizer.step()
        schedule.step()  # to zero, in a straight line
    return model.eval()


def main() -> None:
    torch.manual_seed(0)
    folder = sys.argv[1] if sys.argv[1:] else None
    tokenizer = AutoTokenizer.from_pretrained(folder) if folder else small_tokenizer()
    tokens = torch.tensor(tokenizer(text)["input_ids"])
    held_out, rows = tokens[:8192].reshape(-1, 64), tokens[8192:].unfold(0, 64, 64)  # sequences of 64 tokens
    batches = [{"input_ids": rows[chosen]} for chosen in torch.randperm(len(rows)).split(8)]
    model = AutoModelForCausalLM.from_pretrained(folder) if folder else small_llama(batches)

    def perplexity(model: torch.nn.Module) -> float:
        losses = [model(input_ids=part, labels=part).loss for part in held_out.split(8)]
        return float(torch.stack(losses).mean().exp())

    def written(model: torch.nn.Module) -> str:
        prompt = tokenizer("The expression is evaluated and", return_tensors="pt")["input_ids"]
        return tokenizer.decode(model.generate(prompt, max_new_tokens=24, do_sample=False)[0])

    result = gs.compress(
        model,
        [
            gs.Prune("top50%/row", "wanda", ignore=["lm_head"]),  # calibrates on the first 32 batches
            gs.Quantize("int8"),
            gs.Distill(steps=80, lr=1e-4 if folder else 2e-3),
        ],
        data=batches,
        evaluate=perplexity,
        higher_is_better=False,
        tolerance=3.0,
        example_inputs={"input_ids": held_out[:1]},
        proof=gs.Proof(effort=gs.Effort(batch_sizes=(1,), seconds=1)),
    )
    print(result.report)
    gs.save_pretrained(result, "small-llm", source=folder, overwrite=True)
    reloaded = AutoModelForCausalLM.from_pretrained("small-llm")  # after `import gossamer` it knows such folders
    print(f"\nbefore: {written(model)!r}\nafter:  {written(reloaded)!r}")


if __name__ == "__main__":
    main()
