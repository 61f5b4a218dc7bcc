"""Room 11: folders of Hugging Face models: read, compress, save, load back.

read_folder(folder) → Folder → compress_folder → Result → save_pretrained → folder → from_pretrained, AutoModel

Nothing here is loaded, and transformers not imported, before a name is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compressing import compress_folder
    from .folder import Folder, read_folder
    from .loading import from_pretrained
    from .saving import save_pretrained
    from .sentences import SENTENCES

_LAZY = {
    "Folder": "folder",
    "SENTENCES": "sentences",
    "compress_folder": "compressing",
    "from_pretrained": "loading",
    "read_folder": "folder",
    "save_pretrained": "saving",
}

__all__ = ["SENTENCES", "Folder", "compress_folder", "from_pretrained", "read_folder", "save_pretrained"]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'gossamer.huggingface' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
