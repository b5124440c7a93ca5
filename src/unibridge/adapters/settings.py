"""The shape of an adapter: settings only, so that a configuration is read without torch."""

from typing import Annotated, Literal

from pydantic import Field

from unibridge.settings import ChosenFrom, Settings


class AdapterConfig(Settings):
    """A bottleneck in every layer and, where asked, an invertible adapter at the embeddings.

    The defaults are a language adapter's (UniBridge Table 8, on MAD-X 2.0).
    """

    reduction_factor: float = Field(
        default=2, description="hidden size divided by the bottleneck's size", gt=0
    )
    non_linearity: Annotated[str, ChosenFrom("unibridge.adapters.modules:NON_LINEARITIES")] = Field(
        default="relu",
        description="between down and up projection: relu, gelu, silu, tanh or pkg.mod:name",
    )
    leave_out: tuple[int, ...] = Field(
        default=(-1,),
        description="layers without a bottleneck, counted from 0; -1 is the last layer",
    )
    invertible: Literal["nice", "none"] = Field(
        default="nice",
        description="invertible adapter after the embeddings: NICE coupling, or none",
    )
    inv_reduction_factor: float = Field(
        default=2, description="half of the hidden size divided by the coupling's inner size", gt=0
    )


LANGUAGE_ADAPTER = AdapterConfig()
TASK_ADAPTER = AdapterConfig(reduction_factor=16, non_linearity="gelu", invertible="none")
