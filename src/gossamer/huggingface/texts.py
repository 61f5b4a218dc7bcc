"""From texts to what a model takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import DataError, ModelError
from .libraries import transformers

__all__ = ["Texts"]


@dataclass(frozen=True, eq=False)
class Texts:
    """A folder's tokenizer.

    Args: tokenizer; decoder, whether the model also needs what its decoder reads, for which the same text is given.
    """

    tokenizer: Any
    decoder: bool = False

    @classmethod
    def of(cls, path: Path, kind: str) -> Texts:
        """Raises: ModelError when there is no tokenizer, or it cannot be loaded."""
        try:
            tokenizer = transformers().AutoTokenizer.from_pretrained(
                str(path), local_files_only=True, trust_remote_code=False
            )
        except (OSError, ValueError, KeyError, TypeError, ImportError, AttributeError) as error:
            raise ModelError(
                f"{path}: its tokenizer cannot be loaded ({type(error).__name__}: {error}); put its files there again, "
                f"or give inputs and a metric of your own to gs.compress"
            ) from error
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        tokenizer.padding_side = "right"  # the mask then leaves positions as they are
        return cls(tokenizer, kind == "seq2seq")

    def batches(self, texts: Sequence[str], size: int, length: int) -> list[dict[str, Any]]:
        """Batches of `size` texts, in order, each padded to its longest and cut to `length` tokens."""
        if isinstance(texts, str) or not texts or not all(isinstance(text, str) for text in texts):
            raise DataError(f"texts is a list of texts, at least one of them; given {type(texts).__name__}")
        length = min(length, self.tokenizer.model_max_length)
        return [self._batch(texts[start : start + size], length) for start in range(0, len(texts), size)]

    def _batch(self, texts: Sequence[str], length: int) -> dict[str, Any]:
        padding = self.tokenizer.pad_token is not None
        made: Mapping[str, Any] = self.tokenizer(
            list(texts), padding=padding, truncation=True, max_length=length, return_tensors="pt"
        )
        batch = {key: value for key, value in made.items() if isinstance(value, Tensor)}
        if self.decoder:
            batch["decoder_input_ids"] = batch["input_ids"]
        return batch
