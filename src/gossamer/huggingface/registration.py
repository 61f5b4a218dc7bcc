"""Telling transformers about gossamer's folders, once it is imported, and nothing before.

Imported by `import gossamer`: this module stays tiny, and loads neither transformers nor torch.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from types import ModuleType

from wrapt import register_post_import_hook

__all__ = ["announce"]


def announce() -> None:
    """From now on AutoModel reads gossamer's folders, and save_pretrained never writes packed weights by mistake."""
    register_post_import_hook(_quantizers_imported, "transformers.quantizers.auto")
    register_post_import_hook(_models_imported, "transformers.modeling_utils")


def _quantizers_imported(auto: ModuleType) -> None:
    # An older transformers has no such hook; its own import must not fail for it.
    with suppress(ImportError):
        import_module(".quantizer", __package__)


def _models_imported(modeling: ModuleType) -> None:
    import_module(".guard", __package__).guard(modeling)
