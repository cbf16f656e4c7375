"""Adapted models told from plain ones without an import of PEFT.

PEFT imports bitsandbytes where that is installed, which initialises CUDA. A process that does so
can start no others by forking, so the server that workers are forked from must not: see
`tratree.large_imports.import_in_server`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel
    from typing_extensions import TypeIs

CausalModel: TypeAlias = "PreTrainedModel | PeftModel"
"""A causal language model of transformers, adapters allowed."""


def is_adapted(model: Any) -> TypeIs[PeftModel]:
    """Return whether a model has adapters of PEFT around it."""
    peft = sys.modules.get("peft")  # a model of its class cannot exist before
    return peft is not None and isinstance(model, peft.PeftModel)


def base_of(model: Any) -> Any:
    """Return the model of transformers inside, which a model without adapters is itself."""
    return model.get_base_model() if is_adapted(model) else model
