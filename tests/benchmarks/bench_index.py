"""Indexing against a bare pydicom loop over the same files, and lists of 50,000 images: `python -m tests.benchmarks.bench_index`."""

from __future__ import annotations

import itertools
import random
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pydicom

from cxrview.core.image import ImageRef
from cxrview.io.phantom_files import write_phantoms
from cxrview.library.index import Entry, index_paths, write_entries
from cxrview.library.library import Library, open_library
from cxrview.library.records import Header, Query, Score, Sort, View
from cxrview.library.records import Result as StoredResult

FILES = 1500
ROWS = 50_000
RUNS = 7
PAGE = 200
REAL = Path(__file__).parents[2].parent / "shared" / "dicom" / "cxr"


def write_copies(folder: Path, source: Path) -> None:
    """Write films of many patients under the header of one file; the pixels are left out, neither side reads them."""
    folder.mkdir()
    dataset = pydicom.dcmread(source)
    dataset.PixelData = bytes(64)
    dataset["PixelData"].VR = "OW"
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    for number in range(FILES):
        dataset.PatientID, dataset.StudyInstanceUID, dataset.SOPInstanceUID = f"P{number // 4}", f"1.2.{number // 2}", f"1.3.{number}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(folder / f"{number:05}.dcm", enforce_file_format=True)


def timed(work: Callable[[], object]) -> float:
    """Give the seconds that the work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def milliseconds(work: Callable[[], object]) -> float:
    """Give the median time of some runs."""
    return statistics.median(timed(work) for _ in range(RUNS)) * 1000


def compare(name: str, source: Path, folder: Path) -> str:
    """Index the copies of one file, and read them by the loop, in turns."""
    films = folder / name.replace(" ", "-")
    write_copies(films, source)
    paths, numbers = sorted(films.iterdir()), itertools.count()

    def theirs() -> None:
        for path in paths:
            pydicom.dcmread(path, stop_before_pixels=True)

    def ours() -> float:
        library = open_library(folder / f"{name}-{next(numbers)}.sqlite3")
        seconds = timed(lambda: index_paths(library, [films]))
        assert library.count(Query()) == FILES
        library.close()
        return seconds

    ours()
    theirs()
    pairs = [(ours(), timed(theirs)) for _ in range(RUNS)]
    our_s, their_s = (statistics.median(column) for column in zip(*pairs, strict=True))
    shutil.rmtree(films)
    return f"{name:32}  {FILES / our_s:8,.0f}  {FILES / their_s:8,.0f}  {statistics.median(b / a for a, b in pairs):6.2f}"


def headers() -> list[Header]:
    """Make headers of 50,000 images of 20,000 patients."""
    chance = random.Random(0)
    plain = Header(
        patient_key="", study_key="", format="DICOM", study_description="Chest PA and lateral", body_part="CHEST", rows=1, columns=1
    )
    made = []
    for number in range(ROWS):
        patient = chance.randrange(20_000)
        day = f"20{chance.randrange(10, 26)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
        made.append(
            replace(
                plain,
                patient_key=f"id:{patient}",
                patient_code=f"P{patient:06}",
                patient_name=f"Family{patient}^Given{patient % 300}",
                study_key=day,
                study_uid=f"1.2.840.{patient}.{day}",
                sop_uid=f"1.2.840.99.{number}",
                study_date=day,
                taken=f"{day}101010",
                view=chance.choice(list(View)),
                modality=chance.choice(["CR", "DX"]),
                manufacturer=chance.choice(["Maker A", "Maker B", "Maker C"]),
            )
        )
    return made


def fill(library: Library) -> None:
    """Write the images, and results and marks for some."""
    entries = [Entry(ImageRef(Path(f"/data/folder{number % 90}/{number}.dcm")), 1, 1, header) for number, header in enumerate(headers())]
    for start in range(0, ROWS, 5000):
        write_entries(library, entries[start : start + 5000])
    chance, ids = random.Random(1), library.find(Query())
    for number in ids[:2000]:
        score = chance.random()
        scores = (Score("covid19", 0.0, score, 0.5), Score("normal", 0.0, 1 - score, 0.5))
        library.save_result(number, StoredResult(str(number), "m", "demo", "1", "onnx", "cpu", scores, ("child",) if score > 0.9 else ()))
    library.set_read(ids[::2], is_read=True)
    library.set_starred(ids[::50], is_starred=True)


QUERIES = {
    "all, by date": Query(),
    "all, by patient": Query(sort=Sort.PATIENT),
    "all, by name": Query(sort=Sort.NAME),
    "PA, DX, unread": Query(views=(View.PA,), modalities=("DX",), is_read=False),
    "PA, by name": Query(views=(View.PA,), sort=Sort.NAME),
    "starred": Query(is_starred=True),
    "label, by score of a model": Query(model="m", label="covid19", sort=Sort.SCORE),
    "flag": Query(flag="child"),
    "two years": Query(first_date="20150101", last_date="20161231"),
    "text `f`": Query(text="f"),
    "text `fam`": Query(text="fam"),
    "text `family123`": Query(text="family123"),
    "text `chest la` by score": Query(text="chest la", sort=Sort.SCORE),
    "text `family1`, PA": Query(text="family1", views=(View.PA,)),
}


def main() -> None:
    """Print both tables."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{FILES} files, medians of {RUNS} interleaved runs, Python {sys.version.split()[0]}, pydicom {pydicom.__version__}")
        print(f"{'files a second':32}  {'index':>8}  {'pydicom':>8}  {'faster':>6}")
        phantom = write_phantoms(folder / "phantom", 1, 0, kind="dicom", size=(64, 64))[0]
        print(compare("short header (phantom)", phantom, folder))
        for source in ("orthanc_issue44_mono1_jpeg8.dcm", "RG1_J2KI_15bit_mono1.dcm"):
            if (REAL / source).exists():
                print(compare(source.removesuffix(".dcm"), REAL / source, folder))
        library = open_library(folder / "large.sqlite3")
        fill(library)
        print(f"\n{ROWS:,} images, medians of {RUNS} runs, ms")
        for title, query in QUERIES.items():
            ids = library.find(query)
            print(
                f"{title:32}  {statistics.median(timed(lambda q=query: library.find(q)) for _ in range(RUNS)) * 1000:8.1f}  {len(ids):8,}"
            )
        ids = library.find(Query())
        print(f"{f'a page of {PAGE} rows':32}  {milliseconds(lambda: library.images(ids[30_000 : 30_000 + PAGE])):8.1f}")
        print(f"{'all, to be stepped through':32}  {milliseconds(lambda: library.order(Query(sort=Sort.ADDED))):8.1f}")
        print(f"{'all, grouped by patient':32}  {milliseconds(lambda: library.order(Query(), is_grouped=True)):8.1f}")
        print(f"{'priors of an image':32}  {milliseconds(lambda: library.priors(ids[0])):8.1f}")
        library.close()


if __name__ == "__main__":
    main()
