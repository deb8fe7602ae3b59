"""Whether code runs inside a ``torch.func`` transform, which some of it has to know."""

import torch


def inside_transform() -> bool:
    """True inside ``torch.func.vmap`` or ``torch.func.grad``, and in what ``torch.compile`` traces.

    The compiler can't trace this question, and nothing but maps is compiled.
    torch tells only through a private function; a test of ours fails if it goes away.
    """
    return torch.compiler.is_compiling() or torch._C._functorch.maybe_current_level() is not None
