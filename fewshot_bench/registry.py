"""One registry class, one instance per kind of thing that has a name on the command line.

An entry is a lazy ``"module:Object"`` string beside a few facts for listings, so that
``fsbench list`` never imports torch. Three ways lead in:

* the catalogue of this package (``fewshot_bench.methods`` and its siblings fill their registry
  when they are first imported, which costs nothing because they hold only strings);
* the entry points of other installed packages, in a group named like the catalogue;
* ``--plugin file.py``, which runs a file that calls :meth:`Registry.register`.
"""

import difflib
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from fewshot_bench.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
HOME = "fewshot_bench"  # the origin of what this package registers itself


@dataclass(frozen=True)
class Entry:
    """A registered name: where its object lives, and what a listing says of it.

    Attributes:
        name: what the user types.
        target: ``"module:Object"``, or the object itself when a plug-in registered it.
        summary: one line for listings.
        paper: authors, year and arXiv id, or "" where there is no paper.
        setting: of a method with its default options: ``inductive``, ``transductive_bn`` or
            ``transductive``; "" where it has no meaning.
        setting_by: the setting as all options together make it; None where no option changes it.
        adaptation: whether it is an adaptation of our own, not the paper's method.
        recipe: section of the recipes that it shares with others, under its own.
        options: keyword arguments bound to the object, which is how variants are registered.
        after_training: options for what follows the training of a method, which is the same
            whatever they are.
        version: raised when the code changes so that training gives other numbers; what was
            trained before is then trained anew.
        origin: the package or file that registered it.
    """

    name: str
    target: Any
    summary: str = ""
    paper: str = ""
    setting: str = ""
    setting_by: Callable[[Mapping[str, Any]], str] | None = None
    adaptation: bool = False
    recipe: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    after_training: frozenset[str] = frozenset()
    version: int = 1
    origin: str = HOME

    def setting_of(self, options: Mapping[str, Any]) -> str:
        """The setting of a method with these options, some or all of them, without importing it."""
        if self.setting_by is None:
            return self.setting
        return self.setting_by({**self.options, **options})

    def measuring(self, trained: "Entry") -> dict[str, Any] | None:
        """Options that turn a trained model of another method into one of this.

        Returns:
            What they set of ``after_training``; {} for the same method; None where the two differ
            in more than that, so that their trainings differ.
        """
        names = self.options.keys() | trained.options.keys()
        unlike = {n for n in names if self.options.get(n) != trained.options.get(n)}
        if self.target != trained.target or not unlike <= self.after_training:
            return None
        return {name: self.options.get(name) for name in unlike}

    def load(self) -> Any:
        """Import the module if need be and return the object itself (options not applied)."""
        try:
            return load_target(self.target)
        except Exception as error:  # another package's module can raise anything
            where = f"{self.name!r} ({self.origin})"
            raise ConfigError(f"{where} can't be loaded: {error!r}") from error

    def code(self) -> str:
        """What stands for its code in the identity of what is trained: the hash, or the version."""
        return self.code_sha256() or f"version {self.version}"

    def code_sha256(self) -> str:
        """Over the source files of another package or of a plug-in; "" for this package's own."""
        package = _module_of(self.load()).partition(".")[0]
        file = getattr(sys.modules.get(package), "__file__", None)
        if package == "fewshot_bench" or not file:
            return ""
        path = Path(file)
        sources = sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
        return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def load_target(target: Any) -> Any:
    """The object that ``"module:Object"`` means; anything else is the object itself."""
    if not isinstance(target, str):
        return target
    module, _, attribute = target.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _module_of(target: Any) -> str:
    """Where an object is defined; for one without a place of its own, where its type is."""
    while isinstance(target, functools.partial):
        target = target.func
    return str(getattr(target, "__module__", None) or type(target).__module__)


class Registry:
    """Names of one kind, in the order of registration.

    Args:
        kind: the singular noun used in messages, for instance ``"method"``.
        catalogue: the module that registers the built-in names, and the entry-point group of
            other packages.
    """

    def __init__(self, kind: str, catalogue: str) -> None:
        self.kind = kind
        self.catalogue = catalogue
        self._entries: dict[str, Entry] = {}
        self._filled = False

    def add(self, name: str, target: Any, **facts: Any) -> None:
        """Register ``name``; raises ConfigError if it is taken, since one of the two would hide."""
        if name in self._entries:
            other = self._entries[name].origin
            raise ConfigError(f"{self.kind} {name!r} is registered already (by {other})")
        self._entries[name] = Entry(name, target, **facts)

    def register(self, name: str, **facts: Any) -> Callable[[T], T]:
        """Decorator form of :meth:`add`, for plug-in files and notebooks."""
        self._fill()

        def decorate(target: T) -> T:
            facts.setdefault("origin", getattr(target, "__module__", "plug-in"))
            self.add(name, target, **facts)
            return target

        return decorate

    def entry(self, name: str) -> Entry:
        """The entry of ``name``; raises ConfigError with the closest names if there is none."""
        self._fill()
        if name in self._entries:
            return self._entries[name]
        if (family := self._family(name)) is not None:
            return family
        close = difflib.get_close_matches(name, self._entries, n=2, cutoff=0.5)
        hint = (
            f"did you mean {' or '.join(map(repr, close))}?" if close else f"known: {self._known()}"
        )
        raise ConfigError(f"unknown {self.kind} {name!r}; {hint}")

    def _family(self, name: str) -> Entry | None:
        """The entry of a family for one of its members, as ``timm:NAME`` for ``timm:vit_tiny``.

        What stands after the colon is its option ``name``.
        """
        family, colon, member = name.partition(":")
        if not member:
            return None
        of = (entry for known, entry in self._entries.items() if known.startswith(family + colon))
        found = next(of, None)
        if found is None:
            return None
        return replace(found, name=name, options={**found.options, "name": member})

    def load(self, name: str) -> Any:
        """The object registered as ``name``, imported if need be."""
        return self.entry(name).load()

    def make(
        self,
        name: str,
        options: Mapping[str, Any] | None = None,
        known: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the object registered as ``name`` with its own options and the given ones.

        Args:
            name: registered name.
            options: of the user's; they go before the entry's own.
            known: what the caller knows; the object takes what its signature names, if nobody
                else says it.

        Raises:
            ConfigError: unknown name, or an option that the object does not have.
        """
        entry = self.entry(name)
        factory, given = entry.load(), entry.options | dict(options or {})
        names = inspect.signature(factory).parameters
        if unknown := [option for option in given if option not in names]:
            choices = ", ".join(names) or "none"
            raise ConfigError(f"{self.kind} {name} has no option {unknown[0]!r}; it has: {choices}")
        wanted = {key: value for key, value in (known or {}).items() if key in names}
        return factory(**wanted | given)

    def __iter__(self) -> Iterator[Entry]:
        self._fill()
        return iter(list(self._entries.values()))

    def __contains__(self, name: str) -> bool:
        self._fill()
        return name in self._entries

    def _known(self) -> str:
        return ", ".join(self._entries) or "none"

    def _fill(self) -> None:
        if self._filled:
            return
        # The package around a catalogue may ask this registry while it is imported.
        importlib.import_module(self.catalogue.rpartition(".")[0] or self.catalogue)
        if self._filled:
            return
        self._filled = True
        importlib.import_module(self.catalogue)
        for point in importlib.metadata.entry_points(group=self.catalogue):
            package = point.dist.name if point.dist else "another package"
            self.add(point.name, point.value, summary=f"from {package}", origin=package)


def as_table(registry: Registry, columns: tuple[str, ...]) -> "pd.DataFrame":
    """The entries of a registry as a data frame with these facts as columns."""
    import pandas as pd

    return pd.DataFrame([{name: getattr(entry, name) for name in columns} for entry in registry])


METHODS = Registry("method", "fewshot_bench.methods")
BENCHMARKS = Registry("benchmark", "fewshot_bench.data")
SAMPLERS = Registry("sampler", "fewshot_bench.data.samplers")
BACKBONES = Registry("backbone", "fewshot_bench.nn")
LOSSES = Registry("loss", "fewshot_bench.inner.losses")
LOSS_KINDS = Registry("kind of loss file", "fewshot_bench.inner.losses.kinds")
HEADS = Registry("head", "fewshot_bench.nn")
OPTIMIZERS = Registry("inner optimiser", "fewshot_bench.inner.optimizers")
STAGES = Registry("stage", "fewshot_bench.config.stages")
OBJECTIVES = Registry("pre-training objective", "fewshot_bench.training.objectives")
TRANSFORMS = Registry("transform", "fewshot_bench.methods.transforms")
CLASSIFIERS = Registry("classifier", "fewshot_bench.methods.classifiers")
REFINERS = Registry("refiner", "fewshot_bench.methods.refiners")


def run_plugin(path: Path) -> None:
    """Run one Python file of the user's, which registers what it defines.

    Raises:
        ConfigError: there is no such file, or it fails.
    """
    spec = importlib.util.spec_from_file_location(f"fsbench_plugin_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"plug-in {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for the names in annotations
    try:
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:  # a script that ends itself is no plug-in
        raise ConfigError(f"plug-in {path} failed: {type(error).__name__}: {error}") from error
