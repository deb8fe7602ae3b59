"""Options that many methods share, with the values they may take."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

Steps: TypeAlias = Annotated[int, Field(ge=0)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Rate: TypeAlias = Annotated[float, Field(gt=0)]
Weight: TypeAlias = Annotated[float, Field(ge=0)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
MetaOrder: TypeAlias = Literal[1, 2]
PlainNorm: TypeAlias = Literal["batch", "joint", "joint_steps", "support", "running"]


class OptionGroup(BaseModel):
    """Options that stand side by side with the others of a method, under their own names."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class InnerSteps(OptionGroup):
    """The inner loop of a method whose meta-gradient is of second order.

    Attributes:
        steps: inner steps in training.
        test_steps: inner steps at test.
        lr: inner learning rate.
        bn: policy of the normalisation, see :mod:`fewshot_bench.nn.norm`.
    """

    steps: Steps = 5
    test_steps: Steps = 10
    lr: Rate = 0.01
    bn: PlainNorm = "batch"


class InnerOptions(InnerSteps):
    """The inner loop of a method.

    Attributes:
        order: 2 differentiates through the inner gradients, 1 takes them as constants.
    """

    order: MetaOrder = 2
