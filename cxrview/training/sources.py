"""Where labelled images come from: folders, tables, DICOM files named by a table; several such sources become one list of entries."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from cxrview.core.errors import DataError
from cxrview.core.image import ImageRef
from cxrview.io.read import find_images
from cxrview.library.headers import read_header
from cxrview.training.spreadsheet import SUFFIXES, Sheet, read_sheet

READY_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "testing": "test"}
TRUE = frozenset({"1", "1.0", "true", "yes", "y", "positive", "+"})
FALSE = frozenset({"0", "0.0", "false", "no", "n", "negative"})
SEPARATORS = ("|", ";")
NOTHING = frozenset({"no finding", "none", "nothing"})


class SourceKind(StrEnum):
    """How the labels of a source are told."""

    FOLDERS = "a folder for each class"
    TABLE = "a table that names image files"
    DICOM_TABLE = "a table that names DICOM images by UID"


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """Names of a table's columns; an empty name means that there is none.

    Attributes:
        image: file names, or SOP, series or study instance UIDs.
        labels: one column that names labels, or several that hold 1 and 0 for one label each.
        source: the hospital or collection, where one table holds images of several.
    """

    image: str = ""
    labels: tuple[str, ...] = ()
    patient: str = ""
    source: str = ""
    view: str = ""
    sex: str = ""
    age: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One named place of labelled images.

    Attributes:
        name: of the hospital or collection; what the honest numbers are told inside of.
        place: the folder of class folders, or the table.
        pictures: where a table's images are looked for; None for the table's own folder.
        keep: column to the values that take part.
    """

    name: str
    kind: SourceKind
    place: Path
    pictures: Path | None = None
    columns: ColumnMap = field(default_factory=ColumnMap)
    keep: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One labelled image as a source names it.

    Attributes:
        labels: that are true of it, as written in the data.
        unknown: that nothing is known of.
        patient: as the table says; empty where it does not.
        name: path below the source's folder, for patterns that find the patient in it.
        split: `train`, `val`, `test`, or empty.
    """

    path: Path
    labels: frozenset[str]
    source: str
    name: str
    unknown: frozenset[str] = frozenset()
    patient: str = ""
    view: str = ""
    sex: str = ""
    age: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Listed:
    """What the sources name: entries, and in words how much was left out (reason to count).

    Attributes:
        is_multilabel: an image may have several labels, or none.
    """

    entries: tuple[Entry, ...]
    left_out: Mapping[str, int] = field(default_factory=dict, hash=False)
    is_multilabel: bool = False


def list_sources(sources: Sequence[Source]) -> Listed:
    """List the images of all sources.

    Raises:
        DataError: a place is gone, a table cannot be read, a column is missing, or nothing is labelled.
    """
    entries: list[Entry] = []
    left_out: dict[str, int] = {}
    is_multilabel = False
    for source in sources:
        listed = list_source(source)
        entries += listed.entries
        is_multilabel = is_multilabel or listed.is_multilabel
        for reason, count in listed.left_out.items():
            left_out[reason] = left_out.get(reason, 0) + count
    if not entries:
        hint = "Add a folder with a sub-folder of images for each class, or a table."
        if left_out:
            why, count = max(left_out.items(), key=lambda item: item[1])
            hint = f"{count} were left out: {why}."
        raise DataError("No labelled image was found.", hint=hint)
    return Listed(tuple(entries), left_out, is_multilabel)


def list_source(source: Source) -> Listed:
    """List the images of one source."""
    if not source.place.exists():
        raise DataError("This is not there any more.", hint="Check the drive, or take the source out.", subject=str(source.place))
    if source.kind is SourceKind.FOLDERS:
        return _of_folders(source)
    return _of_table(source, read_sheet(source.place))


def suggest_source(place: Path) -> Source:
    """Guess what a folder or table is, and which column says what.

    Raises:
        DataError: it is neither.
    """
    if place.is_dir():
        tables = [path for path in sorted(place.iterdir()) if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")]
        if len(tables) != 1 or class_folders(place):
            return Source(place.name, SourceKind.FOLDERS, place)
        place = tables[0]
    if place.suffix.lower() not in SUFFIXES:
        raise DataError("This is neither a folder nor a table.", hint=f"Tables end in {', '.join(SUFFIXES)}.", subject=str(place))
    sheet = read_sheet(place, most=200)
    columns = suggest_columns(sheet)
    kind = SourceKind.DICOM_TABLE if _are_uids(sheet.column(columns.image)) else SourceKind.TABLE
    return Source(place.parent.name or place.stem, kind, place, None, columns)


def suggest_columns(sheet: Sheet) -> ColumnMap:
    """Guess the columns from their names and values; what is not recognised stays empty."""

    def named(*words: str) -> str:
        return next((each for word in words for each in sheet.columns if word == _plain(each)), "") or next(
            (each for word in words for each in sheet.columns if word in _plain(each)), ""
        )

    image = named("file", "filename", "imageindex", "image", "path", "sopinstanceuid", "seriesinstanceuid", "studyinstanceuid")
    flags = tuple(each for each in sheet.columns if each != image and _is_flag_column(sheet.column(each)))
    label = named("label", "labels", "findinglabels", "diagnosis", "finding", "class", "target")
    return ColumnMap(
        image=image,
        labels=(label,) if label and label not in flags else flags,
        patient=named("patientid", "patient", "subjectid", "subject"),
        source=named("source", "hospital", "site", "institution"),
        view=named("viewposition", "view", "projection"),
        sex=named("patientsex", "patientgender", "sex", "gender"),
        age=named("patientage", "age"),
        split=named("split", "subset", "fold") if _is_split_column(sheet.column(named("split", "subset", "fold"))) else "",
    )


def class_folders(folder: Path) -> tuple[Path, ...]:
    """Give the visible folders in a folder, sorted."""
    return tuple(sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def ready_folders(folder: Path) -> Mapping[str, Path]:
    """Give the folders of a ready-made split by the split's name; empty when there are no two of them."""
    found = {READY_SPLITS[path.name.lower()]: path for path in class_folders(folder) if path.name.lower() in READY_SPLITS}
    return found if len(found) > 1 else {}


def _of_folders(source: Source) -> Listed:
    root = source.place
    entries: list[Entry] = []
    left_out: dict[str, int] = {}
    for split, top in (ready_folders(root) or {"": root}).items():
        folders = class_folders(top)
        if not folders:
            raise DataError("There is no folder for a class in here.", hint="Put the images of each class into a folder.", subject=str(top))
        for folder in folders:
            found = find_images([folder])
            if found.others:
                left_out["not an image"] = left_out.get("not an image", 0) + found.others
            for ref in found.refs:
                if ref.member:
                    left_out["inside a ZIP archive"] = left_out.get("inside a ZIP archive", 0) + 1
                    continue
                name = ref.path.relative_to(root).as_posix()
                entries.append(Entry(ref.path, frozenset({folder.name}), source.name, name, split=split))
    return Listed(tuple(entries), left_out)


def _of_table(source: Source, sheet: Sheet) -> Listed:
    columns = source.columns
    wanted = (
        columns.image,
        *columns.labels,
        columns.patient,
        columns.source,
        columns.view,
        columns.sex,
        columns.age,
        columns.split,
        *source.keep,
    )
    missing = [name for name in wanted if name and name not in sheet.columns]
    if missing:
        raise DataError(
            f"The table has no column '{missing[0]}'; it has {', '.join(sheet.columns) or 'none'}.",
            hint="Choose another column for it.",
            subject=str(source.place),
        )
    if not columns.image or not columns.labels:
        what = "which column names the images" if not columns.image else "which columns hold the labels"
        raise DataError(f"It is not said {what}.", hint="Choose it in the list of columns.", subject=str(source.place))
    root = source.pictures or source.place.parent
    find = _by_uid(root) if source.kind is SourceKind.DICOM_TABLE else _by_name(root)
    is_multilabel = len(columns.labels) > 1 or any(mark in text for text in sheet.column(columns.labels[0]) for mark in SEPARATORS)
    entries: list[Entry] = []
    left_out: dict[str, int] = {}
    for row in sheet.rows:
        reason, found = _entries_of_row(row, source, root, find, is_multilabel=is_multilabel)
        entries += found
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
    return Listed(tuple(entries), left_out, is_multilabel)


def _entries_of_row(row: Mapping[str, str], source: Source, root: Path, find: _Finder, *, is_multilabel: bool) -> tuple[str, list[Entry]]:
    columns = source.columns
    for column, values in source.keep.items():
        if row[column] not in values:
            return f"{column} is {row[column] or 'empty'}", []
    labels, unknown = _labels_of(row, columns.labels, is_multilabel=is_multilabel)
    if not labels and len(columns.labels) == 1 and not row[columns.labels[0]].strip():
        return "the label is empty", []
    paths = find(row[columns.image].strip())
    if not paths:
        return "the image is not there", []

    def told(column: str) -> str:
        return row[column].strip() if column else ""

    split = READY_SPLITS.get(told(columns.split).lower(), "")
    return "", [
        Entry(
            path,
            labels,
            told(columns.source) or source.name,
            path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name,
            unknown,
            told(columns.patient),
            told(columns.view),
            told(columns.sex),
            told(columns.age),
            split,
        )
        for path in paths
    ]


def _labels_of(row: Mapping[str, str], columns: Sequence[str], *, is_multilabel: bool) -> tuple[frozenset[str], frozenset[str]]:
    """Tell the labels that are true and those nothing is known of."""
    if len(columns) == 1:
        text = row[columns[0]]
        parts = re.split("[" + re.escape("".join(SEPARATORS)) + "]", text) if is_multilabel else [text]
        found = frozenset(part.strip() for part in parts if part.strip())
        is_nothing = is_multilabel and all(each.lower() in NOTHING for each in found)
        return frozenset() if is_nothing else found, frozenset()
    answers = {column: row[column].strip().lower() for column in columns}
    true = frozenset(column for column, answer in answers.items() if answer in TRUE)
    # As in CheXpert's own tables: an empty cell is a finding that is not mentioned; -1 and other words say nothing.
    unknown = frozenset(column for column, answer in answers.items() if answer not in TRUE | FALSE | {""})
    return true, unknown


class _Finder:
    """Finds the files that a table means by a name."""

    def __init__(self, named: Mapping[str, tuple[Path, ...]], root: Path | None) -> None:
        """Look in `named`; before that below `root`, when it is given."""
        self._named = named
        self._root = root

    def __call__(self, name: str) -> tuple[Path, ...]:
        """Give the files; none when there is no such file."""
        if not name:
            return ()
        if self._root is not None:
            path = self._root / name
            if path.is_file():
                return (path,)
        return self._named.get(name) or self._named.get(Path(name.replace("\\", "/")).name, ())


def _by_name(root: Path) -> _Finder:
    """Find files by their path below a folder, by their bare name, or by their name without its suffix."""
    named: dict[str, list[Path]] = {}
    for ref in find_images([root]).refs:
        if not ref.member:
            for key in {ref.path.name, ref.path.stem}:
                named.setdefault(key, []).append(ref.path)
    # A bare name that several files have names none of them.
    return _Finder({name: tuple(paths) for name, paths in named.items() if len(paths) == 1}, root)


def _by_uid(root: Path) -> _Finder:
    """Find DICOM files by SOP, series or study instance UID; a series or study gives all of its images."""
    named: dict[str, list[Path]] = {}
    for ref in find_images([root]).refs:
        header = read_header(ImageRef(ref.path, ref.member))
        for uid in {header.sop_uid, header.series_uid, header.study_uid} - {""}:
            named.setdefault(uid, []).append(ref.path)
    return _Finder({uid: tuple(paths) for uid, paths in named.items()}, None)


def _are_uids(values: Sequence[str]) -> bool:
    filled = [value for value in values if value]
    return bool(filled) and all(re.fullmatch(r"[0-9]+(\.[0-9]+){3,}", value) for value in filled)


def _is_flag_column(values: Sequence[str]) -> bool:
    filled = {value.strip().lower() for value in values} - {""}
    return bool(filled & TRUE) and filled <= TRUE | FALSE | {"-1", "-1.0"}


def _is_split_column(values: Sequence[str]) -> bool:
    filled = {value.strip().lower() for value in values} - {""}
    return bool(filled) and filled <= READY_SPLITS.keys()


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
