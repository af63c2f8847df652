"""Answers are worked out once for a picture and a model, kept in memory and in the library, and come back without a network."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from cxrview.app.answers import layer_views, wants_maps
from cxrview.app.cells import cell_activated, cell_states, layout_chosen
from cxrview.app.comparing import comparison_words, pairs_of, second_findings
from cxrview.app.controllers.answering import Answer, Memory, save_answer
from cxrview.app.controllers.comparing import Comparing
from cxrview.app.controllers.covering import Covering
from cxrview.app.controllers.explaining import Explaining
from cxrview.app.controllers.kept import MOST_ITEMS, Kept, bytes_of
from cxrview.app.controllers.models import Models, entry_of
from cxrview.app.controllers.scoring import Scoring
from cxrview.app.covering import changes_of, cover_cleared, cover_resized, cover_undone, cover_words, spot_covered
from cxrview.app.layers import LUNGS_LAYER, Layer, LayerKind, window_layers
from cxrview.app.polarity import polarity_turned
from cxrview.app.state import (
    AppState,
    AskedEngine,
    BrokenModel,
    ExplanationKey,
    Layout,
    LoadedPicture,
    NotScored,
    ReadyModel,
    RecalledAnalysis,
    ScoringFailed,
    auto_scoring_toggled,
    image_chosen,
    image_stepped,
    layer_toggled,
    layers_chosen,
    neighbours,
    picture_loaded,
    waited_for,
)
from cxrview.app.store import Store
from cxrview.app.tasks import InlineRunner
from cxrview.app.views.colour_bar import unit_of
from cxrview.core.errors import EngineUnavailable, PackageError
from cxrview.core.image import ImageRef, Pixels
from cxrview.core.lungs import Lungs, lungs_of
from cxrview.core.manifest import Label, Task
from cxrview.core.polarity import TURNED
from cxrview.core.prepare import to_gray
from cxrview.core.results import Analysis, FloatArray, Forward, Heatmap, HeatmapTarget
from cxrview.engine.choose import Choice
from cxrview.engine.fake import FakePredictor, fake_package
from cxrview.engine.lungs import LungFinder
from cxrview.engine.packages import Package
from cxrview.library.library import Library, open_library
from cxrview.library.results import pixel_hash
from tests.app.samples import opened_with, picture_of, refs


class CountingPredictor(FakePredictor):
    """Counts the pictures it runs."""

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


class DrawnLungs(LungFinder):
    """Finds two blocks in every picture."""

    def find(self, pixels: Pixels) -> Lungs:
        logits = np.full((64, 64), -9.0, np.float32)
        logits[10:50, 8:26] = logits[10:50, 38:56] = 9.0
        return lungs_of(logits, to_gray(pixels, self.package.manifest.input).frame)


@dataclass
class Bench:
    """The controllers that answer, on pictures that need no file."""

    folder: Path
    library: Library | None = None
    lungs: type[LungFinder] | None = None
    budget_mb: int = 256
    runner: InlineRunner = field(default_factory=InlineRunner)
    store: Store = field(default_factory=lambda: Store(opened_with(AppState(), refs(5))))
    opened: list[CountingPredictor] = field(default_factory=list)
    ready: dict[ImageRef, LoadedPicture] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.memory = Memory(Kept(self.budget_mb), lambda: self.library, self._save)
        self.models = Models(self.store, self.runner, opener=self._open, lungs_opener=self._open_lungs)
        self.scoring = Scoring(self.store, self.runner, lambda: self.models.session, self.memory, self.ready.get)
        self.explaining = Explaining(self.store, self.runner, lambda: self.models.session, self.memory.kept)
        self.covering = Covering(self.store, self.runner, lambda: self.models.session)
        self.comparing = Comparing(self.store, self.runner, self.memory, opener=self._open)
        for each in (self.scoring, self.explaining, self.covering, self.comparing):
            self.store.changed.connect(each.follow)
        self.store.changed.connect(self._fill)

    @property
    def state(self) -> AppState:
        return self.store.state

    @property
    def runs(self) -> int:
        return sum(each.runs for each in self.opened)

    def use(self, name: str = "fake", seed: int = 0, **about: object) -> Package:
        package = fake_package(self.folder / name, model_id=name, seed=seed, **about)  # type: ignore[arg-type]
        self.models.choose(entry_of(package))
        self._fill(self.state)
        return package

    def _fill(self, state: AppState) -> None:
        """Read what is waited for."""
        for ref in waited_for(state):
            self.store.apply(picture_loaded, film(ref))

    def _open(self, package: Package, _asked: AskedEngine) -> Choice:
        self.opened.append(CountingPredictor(package))
        return Choice(self.opened[-1], ())

    def _open_lungs(self, _asked: AskedEngine) -> LungFinder | None:
        if self.lungs is None:
            return None
        package = fake_package(self.folder / f"lungs-{len(self.opened)}", model_id="lungs")
        return self.lungs(package, FakePredictor(package))

    def _save(self, ref: ImageRef, answer: Answer) -> None:
        if self.library is not None:
            save_answer(ref, answer, self.library)


def film(ref: ImageRef) -> LoadedPicture:
    """Give a picture of its own for each name."""
    values = np.random.default_rng(zlib.crc32(ref.path.name.encode())).integers(0, 4096, (96, 80)).astype(np.uint16)
    values.setflags(write=False)
    return replace(picture_of(ref), pixels=Pixels(values, 12))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = open_library(tmp_path / "library.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def analysis(state: AppState) -> Analysis:
    assert isinstance(state.reading, Analysis)
    return state.reading


def test_a_picture_is_scored_once_and_comes_back_as_it_was(bench: Bench) -> None:
    bench.use()
    first = analysis(bench.state)
    bench.store.apply(image_stepped, 1)
    bench.store.apply(image_stepped, -1)
    assert bench.state.reading is first
    assert bench.runs == 2


def test_another_model_answers_for_itself_and_the_first_one_is_remembered(bench: Bench) -> None:
    bench.use("one")
    first = analysis(bench.state)
    bench.use("two", seed=3)
    assert analysis(bench.state).model_id == "two"
    before = bench.runs
    bench.models.choose(entry_of(fake_package(bench.folder / "again", model_id="one")))
    assert bench.state.reading is first
    assert bench.runs == before


def test_an_answer_of_an_earlier_session_is_shown_at_once_and_its_maps_are_made_when_a_layer_wants_them(
    tmp_path: Path, library: Library
) -> None:
    first = Bench(tmp_path / "first", library)
    first.use()
    told = analysis(first.state)
    later = Bench(tmp_path / "later", library)
    later.store.apply(layer_toggled)
    later.use()
    recalled = later.state.reading
    assert isinstance(recalled, RecalledAnalysis)
    assert later.runs == 0
    assert recalled.findings == told.findings
    assert recalled.frame == told.frame
    assert not wants_maps(later.state)
    later.store.apply(layer_toggled)
    whole = analysis(later.state)
    assert not isinstance(whole, RecalledAnalysis)
    assert len(whole.heatmaps) == 4
    assert later.runs == 1


def test_while_its_maps_are_made_a_remembered_answer_stands_with_words(tmp_path: Path, library: Library) -> None:
    Bench(tmp_path / "first", library).use()
    later = Bench(tmp_path / "later", library)
    later.runner.is_holding = True
    later.use()
    later.runner.run_held("open model")
    later.runner.run_held("score current")
    assert isinstance(later.state.reading, RecalledAnalysis)
    shown = layers_chosen(later.state, later.state.layers.with_current(Layer("covid19")))
    assert layer_views(shown)[0].words == "Making the heatmap…"
    assert "score for maps" in later.runner.held
    later.runner.run_held()
    assert analysis(later.state).heatmaps


def test_an_answer_from_another_engine_is_not_passed_off_as_this_ones(tmp_path: Path, library: Library) -> None:
    first = Bench(tmp_path / "first", library)
    package = first.use()
    picture = first.state.picture
    assert isinstance(picture, LoadedPicture)
    kept = library.find_result(pixel_hash(picture.pixels), package.sha256)
    assert kept is not None
    library.save_result(0, replace(kept, engine="openvino", device="cpu bf16"))
    later = Bench(tmp_path / "later", library)
    later.store.apply(layer_toggled)
    later.use()
    assert analysis(later.state).engine == "fake"
    assert later.runs == 1


def test_a_model_that_fails_beside_a_remembered_answer_leaves_the_scores(tmp_path: Path, library: Library) -> None:
    Bench(tmp_path / "first", library).use()
    later = Bench(tmp_path / "later", library)
    later.store.apply(layer_toggled)
    later.use()
    later.opened[-1].failure = EngineUnavailable("the device is gone.", hint="Choose the CPU.")
    later.store.apply(layer_toggled)
    assert isinstance(later.state.reading, RecalledAnalysis)
    assert "the device is gone" in later.state.notice


def test_neighbours_are_scored_ahead_when_their_pictures_are_there(bench: Bench) -> None:
    for ref in refs(5):
        bench.ready[ref] = film(ref)
    bench.use()
    ahead = neighbours(bench.state)
    assert set(bench.state.outcomes.by_ref) == {refs()[0], *ahead}
    before = bench.runs
    bench.store.apply(image_chosen, ahead[0])
    assert isinstance(bench.state.reading, Analysis)
    assert analysis(bench.state).heatmaps
    assert bench.runs == before + len(set(neighbours(bench.state)) - {refs()[0], *ahead})


def test_nothing_is_scored_ahead_for_a_person_who_scores_by_hand(bench: Bench) -> None:
    for ref in refs(5):
        bench.ready[ref] = film(ref)
    bench.store.apply(auto_scoring_toggled)
    bench.use()
    bench.scoring.score_shown()
    assert set(bench.state.outcomes.by_ref) == {refs()[0]}


def test_memory_has_an_end_and_drops_what_was_not_asked_for_longest(bench: Bench) -> None:
    bench.use()
    one = analysis(bench.state)
    assert bytes_of(one) > sum(each.values.nbytes for each in one.heatmaps)
    kept = Kept(1)
    room = 1_000_000 // bytes_of(one)
    for number in range(room + 3):
        kept.keep_analysis(number, one)
        kept.analysis(0)
    assert kept.analysis(0) is one
    assert kept.analysis(1) is None
    assert kept.analysis(room + 2) is one
    assert kept.size_bytes <= 1_000_000
    kept.resize(0)
    assert kept.analysis(0) is None
    assert kept.size_bytes == 0


def test_small_answers_are_counted_so_that_thousands_of_pictures_take_no_more_than_hundreds(bench: Bench) -> None:
    bench.use()
    one, kept = analysis(bench.state), Kept(10_000)
    for number in range(MOST_ITEMS + 2):
        kept.keep_analysis(number, one)
    assert kept.size_bytes == MOST_ITEMS * bytes_of(one)
    assert [kept.analysis(number) is one for number in (1, 2, MOST_ITEMS + 1)] == [False, True, True]


def test_without_memory_every_look_asks_the_model(bench: Bench) -> None:
    bench.store.apply(lambda state: replace(state, answers_mb=0))
    bench.use()
    bench.store.apply(image_stepped, 1)
    bench.store.apply(image_stepped, -1)
    assert bench.runs == 3


def test_a_map_made_on_request_is_there_again_when_one_comes_back(bench: Bench) -> None:
    bench.use()
    bench.store.apply(layers_chosen, bench.state.layers.with_current(Layer("covid19", "occlusion")))
    bench.explaining.make_selected()
    made = bench.state.explanations.by_key[ExplanationKey("covid19", "occlusion")]
    assert isinstance(made, Heatmap)
    bench.store.apply(image_stepped, 1)
    assert not bench.state.explanations.by_key
    bench.store.apply(image_stepped, -1)
    assert bench.state.explanations.by_key[ExplanationKey("covid19", "occlusion")] is made


def test_every_place_of_a_layout_has_its_own_answer_and_layers(bench: Bench) -> None:
    bench.use()
    bench.store.apply(layout_chosen, Layout.FOUR)
    places = cell_states(bench.state)
    assert [type(place.reading) for place in places] == [Analysis] * 4
    assert len({id(place.reading) for place in places}) == 4
    shown = layers_chosen(bench.state, bench.state.layers.with_current(Layer("covid19")))
    assert all(layer_views(place)[0].heatmap is not None for place in cell_states(shown))
    before, parked = bench.runs, places[2].reading
    bench.store.apply(cell_activated, 2)
    assert bench.state.reading is parked
    assert bench.runs == before


def test_a_place_that_cannot_be_scored_says_so_and_is_left(bench: Bench) -> None:
    bench.use()
    bench.opened[-1].failure = PackageError("the network broke.")
    bench.store.apply(layout_chosen, Layout.SIDE_BY_SIDE)
    assert cell_states(bench.state)[1].reading == ScoringFailed("the network broke.")


def test_lungs_are_looked_for_and_can_be_laid_over_the_picture(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lungs=DrawnLungs)
    bench.store.apply(layers_chosen, window_layers(Layer()))
    bench.use()
    assert isinstance(bench.state.model, ReadyModel)
    assert bench.state.model.has_lungs
    view = next(view for view in layer_views(bench.state) if view.layer.kind is LayerKind.LUNGS)
    assert view.lungs is not None
    assert len(view.lungs.outlines) == 2


def test_without_a_lung_network_the_layer_says_so(bench: Bench) -> None:
    bench.store.apply(layers_chosen, replace(window_layers(Layer()), items=(Layer(), replace(LUNGS_LAYER, is_visible=True))))
    bench.use()
    assert layer_views(bench.state)[1].words == "No lung network is installed, so nobody looked for the lungs."


class BrokenLungs(LungFinder):
    """Cannot be opened."""

    def __init__(self, *_arguments: object) -> None:
        raise EngineUnavailable("the lung network is damaged.")


def test_a_lung_network_that_cannot_be_opened_does_not_stop_the_model(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lungs=BrokenLungs)
    bench.use()
    assert isinstance(bench.state.model, ReadyModel)
    assert "The lungs are not looked for: the lung network is damaged." in bench.state.model.reasons
    assert isinstance(bench.state.reading, Analysis)


# Covering.


def test_a_covered_spot_is_scored_and_told_before_and_after(bench: Bench) -> None:
    bench.use()
    whole = analysis(bench.state)
    bench.store.apply(cover_resized, 0.5)
    bench.store.apply(spot_covered, 40.0, 48.0)
    assert bench.state.reading is whole
    changes = changes_of(bench.state)
    assert [change.before for change in changes] == list(whole.findings)
    assert max(abs(change.difference) for change in changes) > 0.001
    assert cover_words(bench.state).startswith("Without the spot")
    bench.store.apply(spot_covered, 10.0, 10.0)
    assert "2 spots" in cover_words(bench.state)
    bench.store.apply(cover_undone)
    assert changes_of(bench.state) == changes
    bench.store.apply(cover_cleared)
    assert changes_of(bench.state) == ()
    assert bench.state.reading is whole


def test_newer_spots_silence_older_ones(bench: Bench) -> None:
    bench.use()
    bench.runner.is_holding = True
    bench.store.apply(spot_covered, 40.0, 48.0)
    bench.store.apply(spot_covered, 10.0, 10.0)
    assert [key for key in bench.runner.held if key == "score covered"] == ["score covered"]
    bench.runner.run_held()
    assert isinstance(bench.state.cover.reading, Analysis)
    assert len(bench.state.cover.spots) == 2


def test_another_image_has_no_spots(bench: Bench) -> None:
    bench.use()
    bench.store.apply(spot_covered, 40.0, 48.0)
    bench.store.apply(image_stepped, 1)
    assert bench.state.cover.spots == ()
    assert isinstance(bench.state.cover.reading, NotScored)


def test_a_covered_picture_that_cannot_be_scored_says_why(bench: Bench) -> None:
    bench.use()
    bench.opened[-1].failure = EngineUnavailable("the device is gone.", hint="Choose the CPU.")
    bench.store.apply(spot_covered, 40.0, 48.0)
    assert cover_words(bench.state) == "the device is gone. Choose the CPU."


# Two models.


def test_a_second_model_reads_the_same_picture(bench: Bench, tmp_path: Path) -> None:
    bench.use("one")
    other = fake_package(tmp_path / "other", model_id="other", seed=5)
    bench.comparing.choose(entry_of(other))
    assert analysis(bench.state).model_id == "one"
    assert isinstance(bench.state.second.reading, Analysis)
    assert bench.state.second.reading.model_id == "other"
    pairs = pairs_of(bench.state)
    assert [pair.label_id for pair in pairs] == ["normal", "covid19", "pneumonia", "tuberculosis"]
    assert all(pair.difference is not None for pair in pairs)
    assert comparison_words(bench.state).startswith("They ")
    bench.store.apply(image_stepped, 1)
    second = bench.state.second.reading
    assert isinstance(second, Analysis)
    assert second is not analysis(bench.state)
    bench.comparing.choose(None)
    assert [predictor.is_closed for predictor in bench.opened] == [False, True]
    assert second_findings(bench.state) == ()


def test_labels_that_only_one_model_knows_stand_alone(bench: Bench, tmp_path: Path) -> None:
    bench.use("one")
    labels = (Label("covid19", "COVID-19"), Label("mass", "Mass"))
    other = fake_package(tmp_path / "other", model_id="other", labels=labels, task=Task.MULTILABEL)
    bench.comparing.choose(entry_of(other))
    alone = {pair.label_id: (pair.first is None, pair.second is None) for pair in pairs_of(bench.state)}
    assert alone["covid19"] == (False, False)
    assert alone["mass"] == (True, False)
    assert alone["normal"] == (False, True)


def test_a_second_model_that_cannot_run_is_told_and_the_first_goes_on(bench: Bench, tmp_path: Path) -> None:
    bench.use("one")
    other = fake_package(tmp_path / "other", model_id="other", seed=5)
    graph = other.folder / other.manifest.graph
    graph.write_bytes(graph.read_bytes() + b"x")
    bench.comparing.choose(entry_of(other))
    assert isinstance(bench.state.second.model, BrokenModel)
    assert "model.onnx" in comparison_words(bench.state)
    assert isinstance(bench.state.reading, Analysis)


def test_another_engine_opens_both_models_anew(bench: Bench, tmp_path: Path) -> None:
    bench.use("one")
    bench.comparing.choose(entry_of(fake_package(tmp_path / "other", model_id="other", seed=5)))
    bench.models.choose_engine(AskedEngine("onnx", "cpu"))
    assert [predictor.is_closed for predictor in bench.opened] == [True, True, False, False]
    assert isinstance(bench.state.second.reading, Analysis)
    bench.comparing.close()
    bench.models.close()
    assert all(predictor.is_closed for predictor in bench.opened)


# A file that is wrong about what is bright.


def test_swapping_dark_and_bright_changes_what_the_model_sees_and_goes_back(bench: Bench) -> None:
    bench.use()
    first = analysis(bench.state)
    bench.store.apply(polarity_turned)
    turned = bench.state.picture
    assert isinstance(turned, LoadedPicture)
    assert (turned.is_turned, turned.pixels.is_inverted) == (True, True)
    assert TURNED in turned.facts
    assert TURNED in analysis(bench.state).facts
    assert analysis(bench.state).findings != first.findings
    bench.store.apply(image_stepped, 1)
    bench.store.apply(image_stepped, -1)
    assert isinstance(bench.state.picture, LoadedPicture)
    assert bench.state.picture.pixels.is_inverted
    bench.store.apply(polarity_turned)
    assert bench.state.reading is first
    assert bench.state.picture.facts == film(refs()[0]).facts


# Maps on request, and what they explain.


def test_making_a_map_can_be_stopped_and_asked_for_again(bench: Bench) -> None:
    bench.use()
    bench.store.apply(layers_chosen, bench.state.layers.with_current(Layer("covid19", "occlusion")))
    bench.runner.is_holding = True
    bench.explaining.make_selected()
    assert layer_views(bench.state)[0].is_making
    bench.explaining.stop()
    assert bench.runner.held == ()
    assert layer_views(bench.state)[0].is_missing
    bench.runner.is_holding = False
    bench.explaining.make_selected()
    assert layer_views(bench.state)[0].heatmap is not None


def test_heatmaps_explain_what_the_settings_ask_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.models = Models(bench.store, bench.runner, opener=bench._open, target=HeatmapTarget.ONE_AGAINST_REST)
    bench.use()
    assert {each.target for each in analysis(bench.state).heatmaps} == {HeatmapTarget.ONE_AGAINST_REST}
    shown = layers_chosen(bench.state, bench.state.layers.with_current(Layer("covid19")))
    assert unit_of(layer_views(shown)[0]) == "logit contribution, against the rest"
