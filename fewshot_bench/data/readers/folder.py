"""Anybody's images: folders of classes, with or without splits, or a table that lists them."""

from pathlib import Path

from fewshot_bench.data.benchmark import SPLITS, Benchmark, ClassSource, Layout
from fewshot_bench.data.notices import counted
from fewshot_bench.data.readers.classes import SPLIT_FILE, class_folders
from fewshot_bench.data.readers.common import folder_class, image_files, image_names, subfolders
from fewshot_bench.data.readers.listed import is_list, scan_list
from fewshot_bench.data.readers.names import close, meant, plain
from fewshot_bench.errors import DataError


def _is_tree(root: Path) -> bool:
    """Whether folders are called like splits, and are not classes of that name."""
    names = [name for name in subfolders(root) if _is_split(root / name)]
    return any(map(plain, names)) or len({meant(name) for name in names}) > 1


def _is_split(folder: Path) -> bool:
    inside = bool(subfolders(folder)) or not image_names(folder)
    return inside and meant(folder.name) is not None


def _scan_tree(root: Path) -> list[ClassSource]:
    names = subfolders(root)
    for name in names:
        if name not in SPLITS and (split := close(name)) and not (root / split).is_dir():
            raise DataError(f"{root}: a split is called {name!r}; rename that folder to {split!r}")
    classes = [(s, name) for s in SPLITS for name in subfolders(root / s)]
    if not classes:
        raise DataError(f"{root} has no class folders in train/, val/ or test/")
    if empty := [f"{s}/{name}" for s, name in classes if not image_files(root / s / name)]:
        raise DataError(
            f"{root}: {counted(len(empty), 'folders')} of classes without images, the first is"
            f" {empty[0]}; remove or fill what is empty"
        )
    return [folder_class(name, split, root / split / name) for split, name in classes]


def _scan_classes(root: Path) -> list[ClassSource]:
    classes = class_folders(root)
    if len(classes) < 2:
        raise DataError(
            f"{root} has no train/, val/ or test/ folder and no two folders with images; expected"
            " is train|val|test/<class>/<image>, <class>/<image>, or a CSV file with columns"
            " path,class,split"
        )
    return classes


FOLDER = Benchmark(
    name="folder",
    image_size=84,
    channels=3,
    mean=(0.485, 0.456, 0.406),  # ImageNet's, as usual for photographs
    std=(0.229, 0.224, 0.225),
    upright=True,
    layouts=(
        Layout("train|val|test/<class>/<image>", _is_tree, _scan_tree),
        Layout(
            "CSV file with columns path,class,split, or JSON lists base, val, novel",
            is_list,
            scan_list,
        ),
        Layout(
            f"<class>/<image>, split at random or by {SPLIT_FILE}",
            Path.is_dir,
            _scan_classes,
            last_resort=True,
        ),
    ),
    howto=(
        "use folder:PATH, where PATH holds train|val|test/<class>/<image> or <class>/<image>, or is"
        " a CSV file with columns path,class,split"
    ),
)
