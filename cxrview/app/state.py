"""Everything the window shows, as one frozen record, and the pure transitions between two of them; no Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path

from cxrview.app.browser import Browser, Listing
from cxrview.app.layers import Layers
from cxrview.app.own_windows import OwnWindow
from cxrview.app.profiles import DEFAULT, Profile
from cxrview.app.pyramid import Pyramid
from cxrview.app.viewport import UPRIGHT, Orientation, Viewport
from cxrview.core.conformal import ConformalRule
from cxrview.core.cover import Spot
from cxrview.core.eye import PLAIN, Eye
from cxrview.core.flags import Flag
from cxrview.core.heatmap import GRAD_CAM
from cxrview.core.image import Fact, ImageRef, Pixels, Window
from cxrview.core.manifest import OperatingCurve, Threshold
from cxrview.core.marks import History, MarkKind
from cxrview.core.polarity import TURNED, turned_pixels
from cxrview.core.results import Analysis, Finding, Heatmap
from cxrview.core.scores import leading_finding, with_thresholds
from cxrview.core.trust import refusal

# Of answers and heatmaps of images seen before; a picture's answer takes some ten to some hundred kilobytes.
DEFAULT_ANSWERS_MB = 64
NO_MODEL_TEXT = "No model is installed. Add a model folder to get scores and heatmaps."


# What came out for each image; the list itself stands in `browser`.


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the list tells of one image: its top finding, or why there is none, or why it is not told."""

    top: Finding | None = None
    error: str = ""
    withheld: str = ""


# What is on the canvas.


@dataclass(frozen=True, slots=True)
class NoPicture:
    """Nothing is chosen."""


@dataclass(frozen=True, slots=True)
class LoadingPicture:
    """The chosen image is being read; `frames` is how many its file holds, as far as that is known."""

    ref: ImageRef
    frames: int = 1


@dataclass(frozen=True, slots=True)
class UnreadablePicture:
    """The chosen image cannot be read."""

    ref: ImageRef
    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedPicture:
    """The chosen image, ready to be painted at any size.

    Attributes:
        window: what the picture is shown with until a person drags: the file's own, else automatic.
        is_turned: `pixels` say the opposite of the file about what is bright, for a person said so.
    """

    ref: ImageRef
    pixels: Pixels
    pyramid: Pyramid
    window: Window
    facts: tuple[Fact, ...] = ()
    is_turned: bool = False


Picture = NoPicture | LoadingPicture | UnreadablePicture | LoadedPicture


@dataclass(frozen=True, slots=True)
class Display:
    """How the picture is shown to a person; never what a model sees.

    Attributes:
        window: None for what the file says, else automatic.
        lut: which of the file's VOI LUTs is used while `window` is None.
        eye: local contrast for the eye.
        viewport: None for the whole image; it lies as `orientation` says.
    """

    window: Window | None = None
    is_inverted: bool = False
    lut: int = 0
    eye: Eye = PLAIN
    viewport: Viewport | None = None
    orientation: Orientation = UPRIGHT


# What runs at the right.


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model that can be chosen."""

    id: str
    title: str
    version: str
    folder: Path


@dataclass(frozen=True, slots=True)
class NoModel:
    """There is no model; `reason` says what to do."""

    reason: str = NO_MODEL_TEXT


@dataclass(frozen=True, slots=True)
class SearchingModels:
    """The installed models are being looked for."""


@dataclass(frozen=True, slots=True)
class OpeningModel:
    """The chosen model is being checked and loaded."""

    entry: ModelEntry


@dataclass(frozen=True, slots=True)
class ReadyModel:
    """The chosen model runs.

    Attributes:
        engine, device: what is really used. reasons: why, and why nothing else is.
        thresholds: of the package, one for each label id.
        methods: of heatmaps that can be asked for, as `engine.explain` names them; the first comes with the score.
        card: the model card, Markdown.
        curves: operating curves of the labels that have one, by label id.
        has_lungs: a lung network runs beside it.
        reader: names it, with what runs beside it, where its answers are kept.
        bounds: between which the answer is "don't know", by label id; of the labels that have them.
    """

    entry: ModelEntry
    engine: str
    device: str
    reasons: tuple[str, ...] = ()
    intended_use: str = ""
    thresholds: Mapping[str, Threshold] = field(default_factory=dict)
    methods: tuple[str, ...] = (GRAD_CAM,)
    card: str = ""
    curves: Mapping[str, OperatingCurve] = field(default_factory=dict)
    has_lungs: bool = False
    reader: str = ""
    bounds: Mapping[str, ConformalRule] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BrokenModel:
    """The chosen model cannot run."""

    entry: ModelEntry
    reason: str
    hint: str = ""


Model = NoModel | SearchingModels | OpeningModel | ReadyModel | BrokenModel


@dataclass(frozen=True, slots=True)
class NotScored:
    """The picture has no answer yet."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """The answer is being worked out."""


@dataclass(frozen=True, slots=True)
class ScoringFailed:
    """The model could not answer."""

    reason: str
    hint: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class RecalledAnalysis(Analysis):
    """An answer that was kept from an earlier session: without heatmaps and lungs, which are made when a layer wants them.

    Attributes:
        view: how the picture was taken, as a network saw it then; empty where none said so.
    """

    view: str = ""


Reading = NotScored | Scoring | ScoringFailed | Analysis


@dataclass(frozen=True, slots=True)
class AskedEngine:
    """The engine and device that the person wants; what really runs stands in `ReadyModel`."""

    engine: str = "auto"
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class ExplanationKey:
    """A heatmap that was asked for: of which label, by which method."""

    label_id: str
    method: str


@dataclass(frozen=True, slots=True)
class NotExplained:
    """A heatmap that cannot be made, and why; an empty reason while it is being made."""

    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Explanations:
    """Heatmaps of the shown image that were made on request."""

    by_key: Mapping[ExplanationKey, Heatmap | NotExplained] = field(default_factory=dict)


# How large a covered spot is at first, and may be: diameter as a share of the picture's shorter side.
COVER_SHARE = 0.15
MIN_COVER, MAX_COVER = 0.03, 0.5


@dataclass(frozen=True, slots=True)
class Cover:
    """Spots of the shown picture that are hidden from the model, to see whether it would still say so.

    Attributes:
        is_on: a click on the canvas covers a spot.
        share: diameter of the next spot, as a share of the picture's shorter side.
        reading: what the model says of the covered picture.
    """

    is_on: bool = False
    share: float = COVER_SHARE
    spots: tuple[Spot, ...] = ()
    reading: Reading = field(default_factory=NotScored)


@dataclass(frozen=True, slots=True)
class Second:
    """Another model that reads the same picture, to be compared; `model` is NoModel while nobody wants one."""

    model: Model = field(default_factory=lambda: NoModel(""))
    reading: Reading = field(default_factory=NotScored)


@dataclass(frozen=True, slots=True)
class Batch:
    """Scoring of all shown images: how many are done, of how many."""

    done: int
    total: int
    failed: int = 0


@dataclass(frozen=True, slots=True)
class TagRow:
    """One attribute of a file, as people read it."""

    path: str
    keyword: str
    vr: str
    value: str


@dataclass(frozen=True, slots=True)
class TagsShown:
    """The tag browser: whether it is open, and what was read of which file; `ref` is None until something was."""

    is_open: bool = False
    ref: ImageRef | None = None
    rows: tuple[TagRow, ...] = ()
    problem: str = ""


class ThemeName(StrEnum):
    """The two looks of the window."""

    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """Outcome of each scored image under the model in use."""

    by_ref: Mapping[ImageRef, Outcome] = field(default_factory=dict)


class Layout(StrEnum):
    """How many pictures are shown, rows by columns."""

    ONE = "1 × 1"
    SIDE_BY_SIDE = "1 × 2"
    STACKED = "2 × 1"
    FOUR = "2 × 2"

    @property
    def rows(self) -> int:
        """Rows of pictures."""
        return 2 if self in (Layout.STACKED, Layout.FOUR) else 1

    @property
    def columns(self) -> int:
        """Columns of pictures."""
        return 2 if self in (Layout.SIDE_BY_SIDE, Layout.FOUR) else 1

    @property
    def cells(self) -> int:
        """Pictures."""
        return self.rows * self.columns


@dataclass(frozen=True, slots=True)
class Cell:
    """One place in a layout, what is in it, and what the model says of that."""

    current: ImageRef | None = None
    picture: Picture = field(default_factory=NoPicture)
    display: Display = field(default_factory=Display)
    reading: Reading = field(default_factory=NotScored)
    explanations: Explanations = field(default_factory=Explanations)


@dataclass(frozen=True, slots=True)
class Grid:
    """The layout.

    Attributes:
        active: the place that `current`, `picture` and `display` of the state belong to.
        cells: all places, row by row; the active one's entry is what was there before it became active. Empty while there is one.
        is_linked: zoom, pan and window go together.
    """

    layout: Layout = Layout.ONE
    active: int = 0
    cells: tuple[Cell, ...] = ()
    is_linked: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """How each image looked when it was left; its window, polarity and turns are the same when it is seen again.

    Frames of one file share their look, which stands under the first.
    """

    by_ref: Mapping[ImageRef, Display] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class MarkBook:
    """The measurements and notes of each image, with a way back."""

    by_ref: Mapping[ImageRef, History] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SelectedMark:
    """The mark that keys act on; of another image it means nothing."""

    ref: ImageRef
    number: int


@dataclass(frozen=True, slots=True)
class AppState:
    """The window, whole.

    Attributes:
        searching: the folder or files that are being looked through; empty when none.
        openings: how often something was opened; files that are opened again may have changed.
        current: the chosen image; None when none is.
        profile: what mouse and keys do. own_keys: of the person, by action; they win.
        own_windows: kept by the person under names.
        system_theme: look of the system, which `theme` follows while `is_theme_of_system`.
        cache_mb: megabytes of pictures that stay read.
        tool: what the next left drag draws; None when it changes the window.
        batch: None when not all are being scored.
        thresholds: by label id, where the person moved them; they belong to the model in use.
        answers_mb: memory for answers and heatmaps of images seen before, in megabytes; 0 keeps none.
        default_model: id of the model to begin with; empty for the first one installed.
        shown_anyway: images whose scores are shown although the window advises against believing them.
        turned_polarity: images whose file a person has said to be wrong about what is bright.
        prevalence: of the condition among the person's patients, 0 to 1, for predictive values.
        notice: one sentence for the person; empty when there is nothing to say.
        is_blinded: what networks say is not to be seen yet.
    """

    listing: Listing = field(default_factory=Listing)
    browser: Browser = field(default_factory=Browser)
    searching: str = ""
    openings: int = 0
    looks: Looks = field(default_factory=Looks)
    grid: Grid = field(default_factory=Grid)
    profile: Profile = DEFAULT
    own_keys: Mapping[str, str] = field(default_factory=dict)
    own_windows: tuple[OwnWindow, ...] = ()
    tool: MarkKind | None = None
    marks: MarkBook = field(default_factory=MarkBook)
    selected: SelectedMark | None = None
    current: ImageRef | None = None
    picture: Picture = field(default_factory=NoPicture)
    display: Display = field(default_factory=Display)
    layers: Layers = field(default_factory=Layers)
    explanations: Explanations = field(default_factory=Explanations)
    models: tuple[ModelEntry, ...] = ()
    model: Model = field(default_factory=SearchingModels)
    reading: Reading = field(default_factory=NotScored)
    outcomes: Outcomes = field(default_factory=Outcomes)
    batch: Batch | None = None
    notice: str = ""
    theme: ThemeName = ThemeName.DARK
    system_theme: ThemeName = ThemeName.DARK
    is_theme_of_system: bool = False
    cache_mb: int = 600
    asked: AskedEngine = field(default_factory=AskedEngine)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    shown_anyway: frozenset[ImageRef] = frozenset()
    turned_polarity: frozenset[ImageRef] = frozenset()
    prevalence: float = 0.1
    cover: Cover = field(default_factory=Cover)
    second: Second = field(default_factory=Second)
    is_hiding_names: bool = False
    tags: TagsShown = field(default_factory=TagsShown)
    is_auto_scoring: bool = True
    default_model: str = ""
    answers_mb: int = DEFAULT_ANSWERS_MB
    is_notice_accepted: bool = True
    is_blinded: bool = False


def differs(old: AppState, new: AppState) -> bool:
    """Tell whether two states show anything differently; fields that are the same object are not compared inside."""
    pairs = ((getattr(old, item.name), getattr(new, item.name)) for item in fields(AppState))
    return any(before is not after and before != after for before, after in pairs)


# Opening and choosing.


def image_name(ref: ImageRef) -> str:
    """Give the short name of an image for lists: file or archive member, and the frame when it is not the first."""
    name = Path(ref.member).name if ref.member else ref.path.name
    return f"{name} #{ref.frame + 1}" if ref.frame else name


def image_chosen(state: AppState, ref: ImageRef) -> AppState:
    """Choose an image; it starts whole and not scored, as it was left or else as its file says."""
    if ref == state.current:
        return state
    looks = _looks(state)
    display = looks.by_ref.get(replace(ref, frame=0), Display())
    opening = LoadingPicture(ref)
    return answers_cleared(replace(state, current=ref, picture=opening, looks=looks, display=display))


def answers_cleared(state: AppState) -> AppState:
    """Forget what models said of the shown picture: it is another one now, or somebody else is asked."""
    cover, second = replace(state.cover, spots=(), reading=NotScored()), replace(state.second, reading=NotScored())
    return replace(state, reading=NotScored(), explanations=Explanations(), cover=cover, second=second)


def _looks(state: AppState) -> Looks:
    """Remember how the present image looks, all but the place in it."""
    if state.current is None:
        return state.looks
    file, look = replace(state.current, frame=0), replace(state.display, viewport=None)
    is_known = state.looks.by_ref.get(file, Display()) == look
    return state.looks if is_known else Looks({**state.looks.by_ref, file: look})


def image_stepped(state: AppState, step: int) -> AppState:
    """Choose the image `step` places further down the list, stopping at its ends."""
    shown = state.listing.shown
    if not shown:
        return state
    place = state.listing.place_of(state.current)
    target = 0 if place < 0 else min(len(shown) - 1, max(0, place + step))
    return image_chosen(state, shown[target])


def neighbours(state: AppState) -> tuple[ImageRef, ...]:
    """Give the images that a person is likely to look at next, likeliest first."""
    shown = state.listing.shown
    place = state.listing.place_of(state.current)
    wanted = (place + 1, place - 1, place + 2) if place >= 0 else ()
    return (*_near_frames(state), *(shown[index] for index in wanted if 0 <= index < len(shown)))


def _near_frames(state: AppState) -> tuple[ImageRef, ...]:
    if state.current is None or not isinstance(state.picture, LoadedPicture):
        return ()
    frame = state.current.frame
    return tuple(replace(state.current, frame=near) for near in (frame + 1, frame - 1) if 0 <= near < state.picture.pixels.frames)


# The picture and how it is shown.


def picture_loaded(state: AppState, picture: LoadedPicture | UnreadablePicture) -> AppState:
    """Show the picture, or why there is none, wherever it is still waited for."""
    if isinstance(picture, LoadedPicture):
        picture = with_polarity(state, picture)
    state = _cells_filled(state, picture)
    if picture.ref != state.current:
        return state
    if isinstance(picture, UnreadablePicture):
        return outcome_known(replace(state, picture=picture), picture.ref, Outcome(error=picture.reason))
    return replace(state, picture=picture)


def with_polarity(state: AppState, picture: LoadedPicture) -> LoadedPicture:
    """Give a picture as its file says that it is, or the other way round where a person has said so."""
    is_turned = picture.ref in state.turned_polarity
    if is_turned == picture.is_turned:
        return picture
    facts = (*(fact for fact in picture.facts if fact != TURNED), *((TURNED,) if is_turned else ()))
    return replace(picture, pixels=turned_pixels(picture.pixels), facts=facts, is_turned=is_turned)


def _cells_filled(state: AppState, picture: LoadedPicture | UnreadablePicture) -> AppState:
    def is_waiting(cell: Cell) -> bool:
        return isinstance(cell.picture, LoadingPicture) and cell.picture.ref == picture.ref

    if not any(map(is_waiting, state.grid.cells)):
        return state
    cells = tuple(replace(cell, picture=picture) if is_waiting(cell) else cell for cell in state.grid.cells)
    return replace(state, grid=replace(state.grid, cells=cells))


def waited_for(state: AppState) -> tuple[ImageRef, ...]:
    """Give the images that places in the layout are waiting for, the chosen one first."""
    pictures = (state.picture, *(cell.picture for index, cell in enumerate(state.grid.cells) if index != state.grid.active))
    return tuple(picture.ref for picture in pictures if isinstance(picture, LoadingPicture))


def window_chosen(state: AppState, window: Window) -> AppState:
    """Show the picture with this window."""
    return replace(state, display=replace(state.display, window=window))


def window_reset(state: AppState) -> AppState:
    """Go back to the file's own window and polarity."""
    return replace(state, display=replace(state.display, window=None, lut=0, is_inverted=False))


def inversion_toggled(state: AppState) -> AppState:
    """Swap dark and bright for the eye."""
    return replace(state, display=replace(state.display, is_inverted=not state.display.is_inverted))


def viewport_chosen(state: AppState, viewport: Viewport) -> AppState:
    """Show this part of the picture."""
    return replace(state, display=replace(state.display, viewport=viewport))


def profile_chosen(state: AppState, profile: Profile) -> AppState:
    """Let mouse and keys do what this profile says."""
    return replace(state, profile=profile)


def fit_chosen(state: AppState) -> AppState:
    """Show the whole picture, at any size of the window."""
    return replace(state, display=replace(state.display, viewport=None))


def turned(state: AppState, quarter_turns: int) -> AppState:
    """Turn the picture clockwise by quarter turns, or back with a negative number."""
    return _oriented(state, state.display.orientation.turned(quarter_turns))


def flipped_sideways(state: AppState) -> AppState:
    """Swap left and right of what is seen."""
    return _oriented(state, state.display.orientation.flipped_sideways())


def flipped_over(state: AppState) -> AppState:
    """Swap top and bottom of what is seen."""
    return _oriented(state, state.display.orientation.flipped_over())


def orientation_reset(state: AppState) -> AppState:
    """Show the picture as it is stored, neither turned nor mirrored."""
    return _oriented(state, UPRIGHT)


def _oriented(state: AppState, orientation: Orientation) -> AppState:
    """Keep the place in the middle of the view while the picture is laid differently."""
    viewport = state.display.viewport and replace(state.display.viewport, orientation=orientation)
    return replace(state, display=replace(state.display, viewport=viewport, orientation=orientation))


# The heatmap layers; what they show is worked out in `answers`.


def layers_chosen(state: AppState, layers: Layers) -> AppState:
    """Draw these layers."""
    return replace(state, layers=layers)


def layer_toggled(state: AppState) -> AppState:
    """Show or hide all heatmaps."""
    return replace(state, layers=state.layers.toggled())


def opacity_chosen(state: AppState, opacity: float) -> AppState:
    """Set the opacity of the selected layer, 0 to 1."""
    return replace(state, layers=state.layers.with_current(replace(state.layers.current, opacity=opacity)))


def label_chosen(state: AppState, label_id: str) -> AppState:
    """Show this label's heatmap in the selected or topmost map, gated by nothing; an empty id goes back to the top label."""
    place = state.layers.map_place
    layer = replace(state.layers.items[place], label_id=label_id, is_visible=True)
    return replace(state, layers=replace(state.layers.with_layer(place, layer), selected=place, is_visible=True))


def explained(state: AppState, ref: ImageRef, made: Mapping[ExplanationKey, Heatmap | NotExplained]) -> AppState:
    """Take heatmaps that were made on request, wherever their image is shown."""
    cells = tuple(
        replace(cell, explanations=_with_maps(cell.explanations, made)) if cell.current == ref else cell for cell in state.grid.cells
    )
    if cells != state.grid.cells:
        state = replace(state, grid=replace(state.grid, cells=cells))
    return state if ref != state.current else replace(state, explanations=_with_maps(state.explanations, made))


def explanations_stopped(state: AppState) -> AppState:
    """Forget the heatmaps that were being made, so that they can be asked for again."""
    made = {key: item for key, item in state.explanations.by_key.items() if item != NotExplained()}
    return replace(state, explanations=Explanations(made))


def _with_maps(explanations: Explanations, made: Mapping[ExplanationKey, Heatmap | NotExplained]) -> Explanations:
    return Explanations({**explanations.by_key, **made})


# Models and their answers.


def reader_of(state: AppState) -> str:
    """Name the model whose kept answers count; empty while none runs, and then nobody's do."""
    return state.model.reader if isinstance(state.model, ReadyModel) else ""


def models_listed(state: AppState, models: Sequence[ModelEntry], notice: str = "") -> AppState:
    """Offer these models."""
    entries = tuple(models)
    gone = not entries and isinstance(state.model, SearchingModels)
    return replace(state, models=entries, model=NoModel() if gone else state.model, notice=notice or state.notice)


def model_chosen(state: AppState, entry: ModelEntry) -> AppState:
    """Begin to open a model; answers of another one go."""
    same = isinstance(state.model, OpeningModel | ReadyModel) and state.model.entry == entry
    return state if same else _without_answers(replace(state, model=OpeningModel(entry), thresholds={}))


def engine_chosen(state: AppState, asked: AskedEngine) -> AppState:
    """Ask for an engine and a device; the model in use has to be opened anew, its thresholds stay."""
    if asked == state.asked:
        return state
    if isinstance(state.model, NoModel | SearchingModels):
        return replace(state, asked=asked)
    return _without_answers(replace(state, asked=asked, model=OpeningModel(state.model.entry)))


def model_opened(state: AppState, model: ReadyModel | BrokenModel) -> AppState:
    """Use the model, or say why not, if it is still the chosen one."""
    if not isinstance(state.model, OpeningModel) or state.model.entry != model.entry:
        return state
    return replace(state, model=model)


def _without_answers(state: AppState) -> AppState:
    unreadable = {ref: outcome for ref, outcome in state.outcomes.by_ref.items() if outcome.error and outcome.top is None}
    answers = Outcomes(unreadable)
    cells = tuple(replace(cell, reading=NotScored(), explanations=Explanations()) for cell in state.grid.cells)
    cleared = replace(answers_cleared(state), outcomes=answers, batch=None, layers=state.layers.without_labels())
    return replace(cleared, second=state.second, grid=replace(state.grid, cells=cells) if cells else state.grid)


def scoring_started(state: AppState) -> AppState:
    """Say that the shown picture is being scored."""
    return replace(state, reading=Scoring())


def reading_known(state: AppState, ref: ImageRef, reading: Analysis | ScoringFailed) -> AppState:
    """Take an answer for an image; it is shown wherever that image is still on a canvas."""
    is_shown = isinstance(state.picture, LoadedPicture) and state.picture.ref == ref
    state = _cells_read(state, ref, reading)
    outcome = Outcome(error=reading.reason) if isinstance(reading, ScoringFailed) else _outcome_of(state, ref, reading)
    return outcome_known(replace(state, reading=reading) if is_shown else state, ref, outcome)


def _cells_read(state: AppState, ref: ImageRef, reading: Analysis | ScoringFailed) -> AppState:
    if not any(cell.current == ref and isinstance(cell.picture, LoadedPicture) for cell in state.grid.cells):
        return state
    cells = tuple(
        replace(cell, reading=reading) if cell.current == ref and isinstance(cell.picture, LoadedPicture) else cell
        for cell in state.grid.cells
    )
    return replace(state, grid=replace(state.grid, cells=cells))


def _outcome_of(state: AppState, ref: ImageRef, analysis: Analysis) -> Outcome:
    doubt = "" if ref in state.shown_anyway else refusal(analysis.in_distribution, known_flags(analysis.flags))
    return Outcome(top=leading_finding(with_thresholds(analysis.findings, state.thresholds)), withheld=doubt)


def known_flags(names: Sequence[str]) -> tuple[Flag, ...]:
    """Give the flags of these names; an answer that a newer program kept may have others."""
    return tuple(flag for flag in Flag if str(flag) in names)


def outcome_known(state: AppState, ref: ImageRef, outcome: Outcome) -> AppState:
    """Note in the list what came out for an image."""
    if state.outcomes.by_ref.get(ref) == outcome:
        return state
    return replace(state, outcomes=Outcomes({**state.outcomes.by_ref, ref: outcome}))


def batch_started(state: AppState, total: int) -> AppState:
    """Begin to score all."""
    return replace(state, batch=Batch(0, total), notice="")


def batch_advanced(state: AppState, ref: ImageRef, answer: Analysis | ScoringFailed) -> AppState:
    """Take the answer for one more image of the batch."""
    known = reading_known(state, ref, answer)
    if state.batch is None:
        return known
    failed = state.batch.failed + int(isinstance(answer, ScoringFailed))
    return replace(known, batch=replace(state.batch, done=state.batch.done + 1, failed=failed))


def batch_ended(state: AppState) -> AppState:
    """Stop counting and say what came out."""
    if state.batch is None:
        return state
    failed = f", {state.batch.failed:,} could not be" if state.batch.failed else ""
    words = f"{state.batch.done - state.batch.failed:,} of {state.batch.total:,} images scored{failed}."
    return replace(state, batch=None, notice=words)


def notice_given(state: AppState, text: str) -> AppState:
    """Say one sentence."""
    return replace(state, notice=text)


def auto_scoring_toggled(state: AppState) -> AppState:
    """Score images as soon as they are shown, or only when asked."""
    return replace(state, is_auto_scoring=not state.is_auto_scoring)


def default_model_chosen(state: AppState, model_id: str) -> AppState:
    """Begin with this model the next time; empty for the first one installed."""
    return replace(state, default_model=model_id)


def colours_chosen(state: AppState, table: str) -> AppState:
    """Draw every layer that is not signed in these colours."""
    items = tuple(layer if layer.is_signed or not layer.is_map else replace(layer, table=table) for layer in state.layers.items)
    return replace(state, layers=replace(state.layers, items=items))


def notice_accepted(state: AppState) -> AppState:
    """Go on from the notice of the first start."""
    return replace(state, is_notice_accepted=True)


def theme_chosen(state: AppState, theme: ThemeName | None) -> AppState:
    """Change the look; None follows the system's."""
    return replace(state, theme=state.system_theme if theme is None else theme, is_theme_of_system=theme is None)


def system_theme_changed(state: AppState, theme: ThemeName) -> AppState:
    """Take over the look of the system, if it is to be followed."""
    return replace(state, system_theme=theme, theme=theme if state.is_theme_of_system else state.theme)


def answers_memory_chosen(state: AppState, megabytes: int) -> AppState:
    """Keep answers and heatmaps of images seen before up to this many megabytes."""
    return replace(state, answers_mb=megabytes)


def cache_chosen(state: AppState, megabytes: int) -> AppState:
    """Keep pictures that were read up to this many megabytes."""
    return replace(state, cache_mb=megabytes)
