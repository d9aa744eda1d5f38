"""The models: which inputs each takes, how they become the fields of a request, and what it costs."""

from __future__ import annotations

import difflib
import json
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from samframe.errors import OptionError
from samframe.ground.contract import DEFAULT_MODEL, JOB_PRICE_USD, JOB_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SAM2", "SAM3", "Model", "Setting", "find_model", "known_models"]

Numbers = tuple[tuple[float, ...], ...]
_XY = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A parameter of a model's own, for ``parameters={...}``.

    Attributes
    ----------
    name : str
        The field of the request.
    kind : {"number", "integer", "flag", "text"}
        What it holds.
    default : object
        What the service takes where the field is left out; a value that equals it is not sent.
    least, most : float or None
        Range of a number, ends included.
    """

    name: str
    kind: Literal["number", "integer", "flag", "text"] = "number"
    default: Any = None
    least: float | None = None
    most: float | None = None

    def check(self, value: object, *, model: str) -> Any:
        """Return the value as it is sent.

        Raises
        ------
        OptionError
            If it is of another kind, or out of range.
        """
        number: Any = value.item() if hasattr(value, "item") and not isinstance(value, str) else value
        match self.kind:
            case "flag":
                is_right = isinstance(number, bool)
            case "text":
                is_right = isinstance(number, str)
            case "integer":
                is_right = isinstance(number, int) and not isinstance(number, bool)
            case "number":
                is_right = (
                    isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
                )
        if is_right and not isinstance(number, bool | str):
            is_right = (self.least is None or number >= self.least) and (
                self.most is None or number <= self.most
            )
        if not is_right:
            raise OptionError(
                f"{self.name} of {model} is {self._range()}; it is {value!r}. Nothing was sent."
            )
        return number

    def _range(self) -> str:
        kinds = {"flag": "True or False", "text": "text", "integer": "a whole number", "number": "a number"}
        words = kinds[self.kind]
        if self.least is not None and self.most is not None:
            return f"{words} from {self.least:g} to {self.most:g}"
        return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What samframe knows of a model of Segmind's, or of a proxy: its fields, its prices.

    A field that is None is an input which the model does not take: a call that has it is refused before anything is
    sent.

    Parameters
    ----------
    slug : str
        The model's name in the URL, ``POST /v2/<slug>``.
    prompt, points, remove_points, boxes : str or None
        Names of the fields for text, points to include, points to exclude and boxes. Points and boxes are sent as JSON
        text in pixels of the image as sent: ``[[x,y],...]`` and ``[[x1,y1,x2,y2],...]``.
    point_labels : str or None
        Where given, points to exclude go into ``points`` as well, and this field holds ``[[1,0,...]]``: 1 for points to
        include.
    lone_point : bool
        Whether one point is sent as ``[x,y]`` and not as ``[[x,y]]``.
    overlay, inline : str or None
        Names of the flags for the painted picture, and for the output as base64 in the answer.
    preview : str or None
        Name of the flag for one combined mask, where it must be asked for.
    several : str or None
        Name of the flag for each mask by itself. None: the model gives one mask.
    settings : tuple of Setting
        Parameters of its own.
    price_usd, seconds : float
        Published price in US dollars and duration of a job; a plan goes by the bills of earlier jobs where there are
        any.

    Examples
    --------
    >>> import samframe
    >>> model = samframe.Model(slug="sam-v21-hiera-large", prompt=None, points="points")
    >>> model.inputs
    ('points', 'remove_points')
    """

    slug: str
    prompt: str | None = "prompt"
    points: str | None = "coordinates"
    remove_points: str | None = "remove_coordinates"
    boxes: str | None = None
    point_labels: str | None = None
    lone_point: bool = True
    overlay: str | None = None
    inline: str | None = None
    preview: str | None = None
    several: str | None = None
    settings: tuple[Setting, ...] = ()
    price_usd: float = JOB_PRICE_USD
    seconds: float = JOB_SECONDS
    #: What the service takes where a flag is left out, to read the requests in its history.
    flag_defaults: Mapping[str, bool] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.slug, str) or not self.slug.strip() or "/" in self.slug:
            raise OptionError(
                f"slug is a model's name in the URL, such as {DEFAULT_MODEL!r}; it is {self.slug!r}."
            )
        object.__setattr__(self, "settings", tuple(self.settings))
        object.__setattr__(self, "flag_defaults", dict(self.flag_defaults))
        if not any((self.prompt, self.points, self.boxes)):
            raise OptionError(f"The model {self.slug!r} takes neither a prompt nor points nor boxes.")

    def __hash__(self) -> int:
        return hash((self.slug, self.prompt, self.points, self.boxes, self.settings))

    @property
    def inputs(self) -> tuple[str, ...]:
        """What it takes of ``prompt``, ``points``, ``remove_points`` and ``boxes``."""
        taken = {
            "prompt": self.prompt,
            "points": self.points,
            "remove_points": self.remove_points or (self.points and self.point_labels),
            "boxes": self.boxes,
        }
        return tuple(name for name, is_there in taken.items() if is_there)

    def check_parameters(self, given: Mapping[str, Any] | None) -> tuple[tuple[str, Any], ...]:
        """Return the model's own parameters that differ from their defaults, by name.

        Raises
        ------
        OptionError
            If the model has no such parameter, or a value is out of its range.
        """
        if given is None:
            return ()
        if not isinstance(given, Mapping):
            raise OptionError(f'parameters is a mapping such as {{"threshold": 0.4}}; it is {given!r}.')
        known = {setting.name: setting for setting in self.settings}
        values = []
        for name, value in given.items():
            if name not in known:
                raise OptionError(f"{_no_parameter(self, str(name))} Nothing was sent.")
            checked = known[name].check(value, model=self.slug)
            if checked != known[name].default:
                values.append((str(name), checked))
        return tuple(sorted(values))

    def body(
        self,
        *,
        image: str,
        prompt: str | None,
        points: Numbers,
        remove_points: Numbers,
        boxes: Numbers,
        overlay_mask: bool,
        base64: bool,
        several: bool,
        own: tuple[tuple[str, Any], ...],
    ) -> dict[str, Any]:
        """Return the JSON body of a submit; what there is none of is left out.

        Parameters
        ----------
        image : str
            URL, or base64 text of an image file.
        prompt : str or None
            Text that names the object.
        points, remove_points : tuple of (x, y)
            Whole pixels of the image as sent.
        boxes : tuple of (x1, y1, x2, y2)
            The same.
        overlay_mask, base64, several : bool
            Whether the painted picture, the output in the answer, and each mask by itself are asked for.
        own : tuple of (name, value)
            The model's own parameters.
        """
        body: dict[str, Any] = {"image": image}
        if self.preview is not None:
            body[self.preview] = not overlay_mask and not several
        flags = ((self.overlay, overlay_mask), (self.inline, base64), (self.several, several))
        body |= {name: value for name, value in flags if name is not None}
        if prompt is not None and self.prompt is not None:
            body[self.prompt] = prompt
        if self.points is not None and self.point_labels is not None:
            if points or remove_points:
                body[self.points] = _json((*points, *remove_points))
                body[self.point_labels] = _json(([1] * len(points) + [0] * len(remove_points),))
        else:
            for field_name, values in ((self.points, points), (self.remove_points, remove_points)):
                if field_name is not None and values:
                    body[field_name] = _json(values[0] if self.lone_point and len(values) == 1 else values)
        if boxes and self.boxes is not None:
            body[self.boxes] = _json(boxes)
        return {**body, **dict(own)}

    def facts_of(self, body: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        """Return what a body asks for in one way of writing, to compare requests: fields at their defaults left out.

        Parameters
        ----------
        body : mapping
            As sent, or as the service's history tells it; numbers may have come as text or as lists.
        """
        facts = [("image", str(body.get("image") or ""))]
        prompt = unicodedata.normalize("NFC", str(body.get(self.prompt or "") or "")).strip()
        facts.append(("prompt", prompt))
        for name in (self.points, self.remove_points, self.point_labels, self.boxes):
            if name is not None:
                text = _numbers_text(body.get(name))
                is_default = name == self.point_labels and text == "[[1]]"
                facts.append((name, "" if is_default else text))
        facts += [
            (name, str(bool(body.get(name, self.flag_defaults.get(name, False)))))
            for name in (self.overlay, self.inline, self.preview, self.several)
            if name is not None
        ]
        facts += [
            (setting.name, str(body[setting.name]))
            for setting in self.settings
            if setting.name in body and body[setting.name] != setting.default
        ]
        return tuple(facts)

    def needs(self) -> str:
        """Return in words what a row needs for the model to have something to find."""
        words = {"prompt": "a prompt", "points": "coordinates", "boxes": "boxes"}
        taken = [words[name] for name in self.inputs if name in words]
        if len(taken) == 1:
            return f"no {taken[0].removeprefix('a ')}"
        listed = " nor ".join(taken) if len(taken) == _XY else f"{taken[0]}, {' nor '.join(taken[1:])}"
        return f"neither {listed}"


SAM2 = Model(
    slug=DEFAULT_MODEL,
    overlay="overlay_mask",
    inline="base64",
    flag_defaults={"overlay_mask": True},
)
SAM3 = Model(
    slug="sam3-image",
    prompt="text_prompt",
    points="points_input",
    remove_points=None,
    boxes="boxes_input",
    point_labels="point_labels_input",
    lone_point=False,
    overlay="return_overlay",
    preview="return_preview",
    several="return_masks",
    settings=(
        Setting(name="threshold", default=0.5, least=0.1, most=1),
        Setting(name="pred_iou_thresh", default=0.88, least=0.5, most=1),
        Setting(name="points_per_side", kind="integer", default=32, least=0, most=128),
        Setting(name="max_masks", kind="integer", default=0, least=0, most=100),
    ),
    price_usd=0.005,
    seconds=4.7,
    flag_defaults={"return_preview": True},
)
_KNOWN = {model.slug: model for model in (SAM2, SAM3)}


def known_models() -> tuple[Model, ...]:
    """Return the models that samframe knows."""
    return tuple(_KNOWN.values())


def find_model(model: str | Model) -> Model:
    """Return the profile of a slug, or the user's own as it is.

    Raises
    ------
    OptionError
        If there is no profile of this name.
    """
    if isinstance(model, Model):
        return model
    if not isinstance(model, str) or not model.strip():
        raise OptionError(
            f"model is the slug of a model, such as {DEFAULT_MODEL!r}, or a samframe.Model; it is {model!r}."
        )
    found = _KNOWN.get(model)
    if found is None:
        near = difflib.get_close_matches(model, _KNOWN, n=1, cutoff=0.7)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise OptionError(
            f"samframe knows no model {model!r}, and sending it the fields of another would be billed.{hint} "
            f"Known: {', '.join(map(repr, _KNOWN))} (samframe.models()). For another, say which fields it takes: "
            f"model=samframe.Model(slug={model!r}, prompt=..., points=..., boxes=...). Nothing was sent."
        )
    return found


def _no_parameter(model: Model, name: str) -> str:
    names = [setting.name for setting in model.settings]
    if not names:
        return f"{model.slug} has no parameters of its own; parameters has {name!r}."
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"{model.slug} has no parameter {name!r}; it has {', '.join(names)}.{hint}"


def _json(values: Sequence[Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


def _numbers_text(value: object) -> str:
    """Return points, labels or boxes in one way of writing: as text or as lists, as one or as several."""
    if not value:
        return ""
    try:
        numbers = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    if isinstance(numbers, list) and numbers and not isinstance(numbers[0], list):
        numbers = [numbers]
    return json.dumps(numbers)
