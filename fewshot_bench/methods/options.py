"""Options that many methods share, with the values they may take."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

Steps: TypeAlias = Annotated[int, Field(ge=0)]
Count: TypeAlias = Annotated[int, Field(ge=1)]
Rate: TypeAlias = Annotated[float, Field(gt=0)]
Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]
MetaOrder: TypeAlias = Literal[1, 2]
PlainNorm: TypeAlias = Literal["batch", "support", "running"]
