"""Controllers follow the state with work; here the work runs at once, on small real files and the fake engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cxrview.app.answers import layer_views, override_chosen, selected_view, threshold_chosen
from cxrview.app.browsing import text_typed
from cxrview.app.controllers.audit import Audit
from cxrview.app.controllers.explaining import Explaining
from cxrview.app.controllers.models import Models
from cxrview.app.controllers.pictures import KEPT_PICTURES, Pictures
from cxrview.app.controllers.scoring import Scoring
from cxrview.app.controllers.shelf import Shelf
from cxrview.app.controllers.studies import Studies, title_of
from cxrview.app.layers import Layer, LayerStyle
from cxrview.app.state import (
    AppState,
    AskedEngine,
    BrokenModel,
    ExplanationKey,
    LoadedPicture,
    LoadingPicture,
    ModelEntry,
    NoModel,
    NoPicture,
    NotScored,
    OpeningModel,
    ReadyModel,
    ScoringFailed,
    UnreadablePicture,
    cache_chosen,
    image_chosen,
    image_stepped,
    layers_chosen,
    opacity_chosen,
)
from cxrview.app.store import Store
from cxrview.app.tasks import InlineRunner
from cxrview.core.errors import EngineUnavailable, PackageError
from cxrview.core.image import ImageInfo
from cxrview.core.results import Analysis, FloatArray, Forward, Heatmap
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.packages import Package, add_package


@dataclass
class Desk:
    """Store, runner and controllers, wired as in the program, without a window."""

    store: Store
    runner: InlineRunner
    shelf: Shelf
    studies: Studies
    pictures: Pictures
    models: Models
    scoring: Scoring
    opened: list[CountingPredictor]
    explaining: Explaining
    audit: Audit
    asked: list[AskedEngine]

    @property
    def state(self) -> AppState:
        return self.store.state


class CountingPredictor(FakePredictor):
    """Counts what it runs and notices that it is closed."""

    def __init__(self, package: Package) -> None:
        super().__init__(package)
        self.runs = 0
        self.is_closed = False
        self.failure: Exception | None = None

    def run(self, batch: FloatArray) -> tuple[Forward, ...]:
        assert not self.is_closed
        if self.failure is not None:
            raise self.failure
        self.runs += len(batch)
        return super().run(batch)

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    store, runner = Store(AppState()), InlineRunner()
    opened: list[CountingPredictor] = []

    asked: list[AskedEngine] = []

    def opener(package: Package, wanted: AskedEngine) -> Choice:
        asked.append(wanted)
        opened.append(CountingPredictor(package))
        return Choice(opened[-1], ("asked for a test",))

    models = Models(store, runner, opener=opener)
    shelf = Shelf(store, runner, tmp_path / "library.sqlite3")
    studies, pictures = Studies(store, shelf, tmp_path / "phantoms"), Pictures(store, runner)
    store.changed.connect(studies.follow)
    shelf.open()
    scoring = Scoring(store, runner, lambda: models.session)
    store.changed.connect(pictures.follow)
    store.changed.connect(scoring.follow)
    explaining, audit = Explaining(store, runner, lambda: models.session), Audit(store, runner, tmp_path / "log")
    store.changed.connect(explaining.follow)
    store.changed.connect(audit.follow)
    yield Desk(store, runner, shelf, studies, pictures, models, scoring, opened, explaining, audit, asked)
    shelf.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five small PNGs, of which the second is cut short, and a text."""
    made = tmp_path / "films"
    made.mkdir()
    for number in range(5):
        picture = np.random.default_rng(number).integers(0, 255, (96, 80)).astype(np.uint8)
        cv2.imwrite(str(made / f"film-{number}.png"), picture)
    whole = (made / "film-1.png").read_bytes()
    (made / "film-1.png").write_bytes(whole[: len(whole) // 3])
    (made / "notes.txt").write_text("nothing to see")
    return made


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return fake_package(tmp_path / "packages" / "fake")


def test_opening_a_folder_lists_it_and_shows_the_first_image(desk: Desk, folder: Path) -> None:
    desk.studies.open_paths([folder])
    assert [ref.path.name for ref in desk.state.listing.shown] == [f"film-{number}.png" for number in range(5)]
    assert desk.state.browser.others == 1
    assert desk.state.browser.scope.title == "films"
    assert desk.state.searching == ""
    assert isinstance(desk.state.picture, LoadedPicture)
    assert desk.state.picture.ref.path.name == "film-0.png"


def test_opening_nothing_does_nothing(desk: Desk) -> None:
    before = list(desk.runner.started)
    desk.studies.open_paths([])
    assert desk.runner.started == before


def test_a_folder_without_pictures_gives_a_sentence_and_keeps_what_is_open(desk: Desk, folder: Path, tmp_path: Path) -> None:
    desk.studies.open_paths([folder])
    empty = tmp_path / "empty"
    empty.mkdir()
    desk.studies.open_paths([empty])
    assert desk.state.notice == "No radiograph was found in empty."
    assert len(desk.state.listing.shown) == 5
    desk.studies.open_paths([tmp_path / "gone"])
    assert desk.state.notice.startswith("Nothing could be opened: ")


def test_the_phantoms_are_drawn_once(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxrview.app.controllers.studies.PHANTOM_PX", (64, 64))
    desk.studies.open_phantoms()
    assert len(desk.state.listing.shown) == 6
    assert isinstance(desk.state.picture, LoadedPicture)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "phantoms").iterdir()}
    desk.studies.open_phantoms()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "phantoms").iterdir()} == before


def test_titles_are_short() -> None:
    assert title_of([Path("/a/b")]) == "b"
    assert title_of([Path("/a"), Path("/b")]) == "2 files and folders"
    assert title_of([Path("/")]) == "/"


def test_neighbours_are_read_ahead_and_shown_without_reading_again(desk: Desk, folder: Path) -> None:
    desk.studies.open_paths([folder])
    read = [key for key in desk.runner.started if key.startswith("files:")]
    assert [Path(key).name for key in read] == ["film-0.png", "film-1.png", "film-2.png"]
    desk.store.apply(image_stepped, 2)
    assert isinstance(desk.state.picture, LoadedPicture)
    again = [key for key in desk.runner.started if key.startswith("files:")]
    assert len(again) == len(set(again)) == 5


def test_a_broken_file_says_why_and_is_not_read_twice(desk: Desk, folder: Path) -> None:
    desk.studies.open_paths([folder])
    desk.store.apply(image_stepped, 1)
    assert isinstance(desk.state.picture, UnreadablePicture)
    assert desk.state.picture.reason
    assert desk.state.outcomes.by_ref[desk.state.picture.ref].error == desk.state.picture.reason
    count = len(desk.runner.started)
    desk.store.apply(image_stepped, -1)
    desk.store.apply(image_stepped, 1)
    assert isinstance(desk.state.picture, UnreadablePicture)
    assert len(desk.runner.started) == count


def test_what_is_far_away_is_cancelled_when_a_person_jumps(desk: Desk, folder: Path) -> None:
    desk.runner.is_holding = True
    desk.studies.open_paths([folder])
    desk.runner.run_held("index")
    desk.runner.run_held("list opened")
    assert [Path(key).name for key in desk.runner.held if key.startswith("picture")] == ["film-0.png", "film-1.png", "film-2.png"]
    desk.store.apply(image_stepped, 99)
    assert [Path(key).name for key in desk.runner.held if key.startswith("picture")] == ["film-4.png", "film-3.png"]
    assert isinstance(desk.state.picture, LoadingPicture)
    desk.runner.run_held()
    assert isinstance(desk.state.picture, LoadedPicture)


def test_pictures_that_were_not_seen_for_long_are_let_go(desk: Desk, tmp_path: Path) -> None:
    for number in range(KEPT_PICTURES + 6):
        cv2.imwrite(str(tmp_path / f"{number:02d}.png"), np.full((8, 8), number, np.uint8))
    desk.studies.open_paths([tmp_path])
    for _step in range(KEPT_PICTURES + 5):
        desk.store.apply(image_stepped, 1)
    count = len(desk.runner.started)
    desk.store.apply(image_stepped, -99)
    assert isinstance(desk.state.picture, LoadedPicture)
    assert len(desk.runner.started) > count


def test_large_pictures_are_let_go_when_they_take_more_than_the_person_allows(desk: Desk, tmp_path: Path) -> None:
    for number in range(4):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((600, 600), number, np.uint8))
    desk.store.apply(cache_chosen, 1)
    desk.studies.open_paths([tmp_path])
    for _step in range(3):
        desk.store.apply(image_stepped, 1)
    count = len(desk.runner.started)
    desk.store.apply(image_stepped, -99)
    assert len(desk.runner.started) > count


def test_an_opened_folder_is_read_anew(desk: Desk, folder: Path) -> None:
    desk.studies.open_paths([folder])
    cv2.imwrite(str(folder / "film-0.png"), np.full((10, 20), 7, np.uint8))
    desk.studies.open_paths([folder])
    assert isinstance(desk.state.picture, LoadedPicture)
    assert desk.state.picture.pixels.width == 20


def test_without_a_model_the_window_says_what_to_do(desk: Desk) -> None:
    desk.models.refresh()
    assert isinstance(desk.state.model, NoModel)
    assert desk.models.session is None


def test_an_installed_model_opens_and_what_really_runs_is_told(desk: Desk, package: Package) -> None:
    desk.models.add(package.folder)
    assert isinstance(desk.state.model, ReadyModel)
    assert (desk.state.model.engine, desk.state.model.device, desk.state.model.reasons) == ("fake", "cpu", ("asked for a test",))
    assert [entry.id for entry in desk.state.models] == ["fake"]
    assert desk.state.models[0].folder != package.folder


def test_a_preferred_model_may_be_a_folder_elsewhere(desk: Desk, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    assert isinstance(desk.state.model, ReadyModel)
    assert desk.state.model.entry.folder == package.folder


def test_a_preferred_model_that_is_gone_is_said(desk: Desk, package: Package) -> None:
    desk.models.refresh("gone")
    assert desk.state.notice == "There is no model 'gone'."
    desk.models.add(package.folder)
    desk.models.refresh("gone")
    assert desk.state.notice == "There is no model 'gone'."
    assert isinstance(desk.state.model, ReadyModel)


def test_a_preferred_folder_that_is_no_model_still_leaves_the_installed_ones(desk: Desk, package: Package, tmp_path: Path) -> None:
    add_package(package.folder)
    (tmp_path / "junk").mkdir()
    desk.models.refresh(str(tmp_path / "junk"))
    assert isinstance(desk.state.model, ReadyModel)
    assert desk.state.notice


def test_a_folder_that_is_no_model_is_refused_with_a_reason_and_the_old_one_stays(desk: Desk, package: Package, tmp_path: Path) -> None:
    desk.models.add(package.folder)
    in_use = desk.state.model
    (tmp_path / "junk").mkdir()
    desk.models.add(tmp_path / "junk")
    assert desk.state.model is in_use
    assert "junk" in desk.state.notice


def test_a_damaged_package_is_broken_with_a_reason(desk: Desk, package: Package) -> None:
    graph = package.folder / package.manifest.graph
    graph.write_bytes(graph.read_bytes() + b"x")
    desk.models.refresh(str(package.folder))
    assert isinstance(desk.state.model, BrokenModel)
    assert desk.state.model.reason
    assert desk.opened == []


def test_an_engine_that_is_not_here_is_told(desk: Desk, package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_package: Package, _asked: AskedEngine) -> Choice:
        raise EngineUnavailable("cuda was asked for and is not here.", hint="Choose auto.")

    monkeypatch.setattr(desk.models, "_opener", refuse)
    desk.models.refresh(str(package.folder))
    assert isinstance(desk.state.model, BrokenModel)
    assert desk.state.model.hint == "Choose auto."


def test_another_model_closes_the_first_and_scores_again(desk: Desk, folder: Path, package: Package, tmp_path: Path) -> None:
    other = fake_package(tmp_path / "packages" / "other", model_id="other", seed=3)
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    first = desk.state.reading
    desk.models.choose(ModelEntry("other", "Other", "1", other.folder))
    assert [predictor.is_closed for predictor in desk.opened] == [True, False]
    assert isinstance(desk.state.reading, Analysis)
    assert isinstance(first, Analysis)
    assert desk.state.reading.model_id == "other"
    desk.models.close()
    assert desk.opened[1].is_closed
    desk.models.close()


def test_an_answer_of_the_model_before_is_not_shown_for_the_next(desk: Desk, folder: Path, package: Package, tmp_path: Path) -> None:
    other = fake_package(tmp_path / "packages" / "other", model_id="other", seed=3)
    desk.models.refresh(str(package.folder))
    desk.runner.is_holding = True
    desk.studies.open_paths([folder])
    desk.runner.run_held("index")
    desk.runner.run_held("list opened")
    desk.runner.run_held(f"picture {desk.state.current}")
    assert "score current" in desk.runner.held
    desk.models.choose(ModelEntry("other", "Other", "1", other.folder))
    assert "score current" not in desk.runner.held
    desk.runner.run_held()
    assert isinstance(desk.state.reading, Analysis)
    assert desk.state.reading.model_id == "other"


def test_choosing_the_model_in_use_opens_nothing(desk: Desk, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    assert isinstance(desk.state.model, ReadyModel)
    desk.models.choose(desk.state.model.entry)
    assert len(desk.opened) == 1


def test_a_model_that_opens_after_another_was_chosen_is_silent(desk: Desk, package: Package, tmp_path: Path) -> None:
    other = fake_package(tmp_path / "packages" / "other", model_id="other")
    desk.runner.is_holding = True
    desk.models.choose(ModelEntry("fake", "Fake", "1", package.folder))
    desk.models.choose(ModelEntry("other", "Other", "1", other.folder))
    assert isinstance(desk.state.model, OpeningModel)
    desk.runner.run_held()
    assert isinstance(desk.state.model, ReadyModel)
    assert desk.state.model.entry.id == "other"
    assert len(desk.opened) == 1


def test_the_shown_image_is_scored_at_once_with_a_heatmap_per_label(desk: Desk, folder: Path, package: Package) -> None:
    desk.studies.open_paths([folder])
    assert isinstance(desk.state.reading, NotScored)
    desk.models.refresh(str(package.folder))
    reading = desk.state.reading
    assert isinstance(reading, Analysis)
    assert len(reading.heatmaps) == len(reading.findings) == 4
    assert desk.state.current is not None
    assert desk.state.outcomes.by_ref[desk.state.current].top is not None


def test_an_image_seen_before_is_not_scored_again(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    first = desk.state.reading
    desk.store.apply(image_stepped, 2)
    desk.store.apply(image_stepped, -2)
    assert desk.state.reading is first
    assert desk.opened[0].runs == 2


def test_a_failing_engine_is_told_for_that_image(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.opened[0].failure = PackageError("the device is gone.", hint="Choose the CPU.")
    desk.studies.open_paths([folder])
    assert desk.state.reading == ScoringFailed("the device is gone.", "Choose the CPU.")


def test_scoring_all_counts_goes_on_after_bad_files_and_is_listed(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.scoring.score_all()
    assert desk.state.batch is None
    outcomes = {ref.path.name: outcome for ref, outcome in desk.state.outcomes.by_ref.items()}
    assert len(outcomes) == 5
    assert outcomes["film-1.png"].error
    assert all(outcomes[name].top is not None for name in outcomes if name != "film-1.png")
    assert desk.state.notice == "4 of 4 images scored." or "could not be" in desk.state.notice
    desk.scoring.score_all()
    assert desk.state.notice == "All listed images are scored."


def test_a_click_goes_between_two_images_of_a_batch(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.runner.is_holding = True
    desk.scoring.score_all()
    desk.store.apply(image_chosen, desk.state.listing.shown[2])
    assert desk.runner.held[0] == "score all"
    waiting = [key for key in desk.runner.held if key.startswith("score")]
    assert waiting == ["score all", "score current"]


def test_cancelling_keeps_what_is_scored(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.runner.is_holding = True
    desk.scoring.score_all()
    assert desk.state.batch is not None
    total = desk.state.batch.total
    desk.runner.run_held("score all")
    desk.scoring.cancel_all()
    assert desk.state.batch is None
    assert "score all" not in desk.runner.held
    assert 1 < len(desk.state.outcomes.by_ref) < 5
    assert desk.state.notice.startswith(("0 of", "1 of"))
    assert f"of {total} images" in desk.state.notice


def test_another_folder_ends_the_batch(desk: Desk, folder: Path, package: Package, tmp_path: Path) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.runner.is_holding = True
    desk.scoring.score_all()
    desk.studies.open_paths([folder / "film-2.png"])
    desk.runner.run_held("index")
    desk.runner.run_held("list opened")
    assert desk.state.batch is None
    assert "score all" not in desk.runner.held


def test_only_what_the_filter_shows_is_scored(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.store.apply(text_typed, "film-3")
    desk.scoring.score_all()
    scored = {ref.path.name for ref, outcome in desk.state.outcomes.by_ref.items() if outcome.top is not None}
    assert scored == {"film-0.png", "film-3.png"}


def test_nothing_is_scored_without_a_model(desk: Desk, folder: Path) -> None:
    desk.studies.open_paths([folder])
    desk.scoring.score_all()
    assert desk.state.batch is None
    assert not isinstance(desk.state.picture, NoPicture)


def runs_of(desk: Desk) -> int:
    return sum(predictor.runs for predictor in desk.opened)


def test_layers_and_thresholds_run_nothing(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    before = runs_of(desk)
    assert before > 0
    layers = desk.state.layers.added(Layer("covid19", table="viridis", style=LayerStyle.CONTOURS)).added(Layer("normal", is_signed=True))
    desk.store.apply(layers_chosen, layers.moved(0, 2).scaled(has_common_scale=False))
    for opacity in (0.1, 0.5, 0.9):
        desk.store.apply(opacity_chosen, opacity)
        desk.store.apply(threshold_chosen, "covid19", opacity)
    assert len(layer_views(desk.state)) == 3
    assert runs_of(desk) == before


def test_a_map_on_request_is_made_once_for_all_labels_by_covering(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.explaining.make_selected()
    assert "explain occlusion all" not in desk.runner.started
    desk.store.apply(layers_chosen, desk.state.layers.with_current(Layer("covid19", "occlusion")))
    desk.explaining.make_selected()
    view = selected_view(desk.state)
    assert view.heatmap is not None
    assert (view.heatmap.label.id, view.heatmap.method) == ("covid19", "occlusion")
    before = runs_of(desk)
    desk.store.apply(layers_chosen, desk.state.layers.added(Layer("normal", "occlusion")))
    desk.explaining.make_selected()
    assert isinstance(desk.state.explanations.by_key[ExplanationKey("normal", "occlusion")], Heatmap)
    assert runs_of(desk) == before


def test_a_map_that_cannot_be_made_says_why(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.opened[-1].failure = EngineUnavailable("the device is gone.", hint="Choose the CPU.")
    desk.store.apply(layers_chosen, desk.state.layers.with_current(Layer("covid19", "occlusion")))
    desk.explaining.make_selected()
    assert selected_view(desk.state).words == "the device is gone. Choose the CPU."


def test_another_image_stops_a_map_that_is_being_made(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.store.apply(layers_chosen, desk.state.layers.with_current(Layer("covid19", "occlusion")))
    desk.runner.is_holding = True
    desk.explaining.make_selected()
    assert "explain occlusion all" in desk.runner.held
    desk.store.apply(image_stepped, 2)
    assert "explain occlusion all" not in desk.runner.held


def test_another_engine_opens_the_model_anew_and_says_what_was_asked(desk: Desk, folder: Path, package: Package) -> None:
    desk.models.choose_engine(AskedEngine("torch", "cpu"))
    assert desk.opened == []
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    first = desk.opened[-1]
    desk.models.choose_engine(AskedEngine("onnx", "cpu"))
    assert first.is_closed
    assert desk.asked == [AskedEngine("torch", "cpu"), AskedEngine("onnx", "cpu")]
    assert isinstance(desk.state.model, ReadyModel)
    assert isinstance(desk.state.reading, Analysis)
    desk.models.choose_engine(AskedEngine("onnx", "cpu"))
    assert len(desk.opened) == 2


def test_the_model_in_use_tells_its_card_its_thresholds_and_its_methods(desk: Desk, package: Package) -> None:
    desk.models.refresh(str(package.folder))
    assert isinstance(desk.state.model, ReadyModel)
    assert desk.state.model.card.startswith("# Not a model")
    assert set(desk.state.model.thresholds) == {"normal", "covid19", "pneumonia", "tuberculosis"}
    assert desk.state.model.methods[0] == "gradcam"
    assert "occlusion" in desk.state.model.methods


def lines_of(log_dir: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (log_dir / "audit.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_audit_log_has_a_line_for_each_result_that_was_seen(desk: Desk, folder: Path, package: Package, tmp_path: Path) -> None:
    desk.models.refresh(str(package.folder))
    desk.studies.open_paths([folder])
    desk.store.apply(opacity_chosen, 0.3)
    desk.audit.note_export("PNG")
    desk.audit.note_acceptance()
    result, export, accepted = lines_of(tmp_path / "log")
    assert [line["event"] for line in (result, export, accepted)] == ["result-shown", "export", "notice-accepted"]
    assert result["model_sha256"] == package.sha256
    assert result["engine"] == "fake"
    assert set(result["result"]) == {"normal", "covid19", "pneumonia", "tuberculosis"}  # type: ignore[call-overload]
    assert result["image_sha256"] == export["image_sha256"]
    assert len(str(result["image_sha256"])) == 64
    assert accepted["image_sha256"] == ""
    assert "film-0" not in (tmp_path / "log" / "audit.jsonl").read_text(encoding="utf-8")


def test_withheld_scores_are_logged_only_once_they_are_shown(desk: Desk, folder: Path, package: Package, tmp_path: Path) -> None:
    desk.studies.open_paths([folder])
    picture = desk.state.picture
    assert isinstance(picture, LoadedPicture)
    lateral = replace(picture, pixels=replace(picture.pixels, info=ImageInfo(view="LL")))
    desk.store.apply(lambda state: replace(state, picture=lateral))
    desk.models.refresh(str(package.folder))
    assert isinstance(desk.state.reading, Analysis)
    assert not (tmp_path / "log").exists()
    desk.store.apply(override_chosen)
    override, result = lines_of(tmp_path / "log")
    assert (override["event"], result["event"]) == ("override", "result-shown")
    assert "lateral" in str(override["detail"])


def test_a_log_that_cannot_be_written_is_said(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")
    desk.audit.note_acceptance()
    assert "audit log cannot be written" in desk.state.notice


def test_what_waits_for_the_log_is_written_at_the_end(desk: Desk, tmp_path: Path) -> None:
    desk.runner.is_holding = True
    desk.audit.note_acceptance()
    assert not (tmp_path / "log").exists()
    desk.audit.close()
    assert len(lines_of(tmp_path / "log")) == 1
