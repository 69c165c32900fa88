"""The rights of a user; some are set for the whole server, some with each key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from devserver.errors import InputError
from devserver.model.plan import MediaStage, OutputPlan, Plan, StagePlan
from schemas.model import LEVELS, Level

USUAL_LEVEL: Final[Level] = "adult"


@dataclass(frozen=True)
class Rights:
    """The limits of one user.

    Args:
        safety_floor: the laxest safety level that a request may have; off allows every level.
        queue_limit: how many runs may be unfinished at a time; 0 leaves it to the server's own limit for each user.
        outputs: the output configs that a run may use, also as a fallback; None allows all.
    """

    safety_floor: Level = "off"
    queue_limit: int = 0
    outputs: tuple[str, ...] | None = None

    @classmethod
    def parse(cls, safety_floor: object = None, queue_limit: object = None, outputs: object = None) -> Rights:
        """Read limits from user input; None sets no limit.

        Raises:
            InputError: names the field, its value and what is allowed.
        """
        floor = next((level for level in LEVELS if level == safety_floor), None)
        if safety_floor is not None and floor is None:
            raise InputError("unknown_safety_level", field="safety_floor", value=safety_floor, allowed=list(LEVELS))
        return cls(floor or "off", _check_queue_limit(queue_limit), _outputs(outputs))

    def as_dict(self) -> dict[str, object]:
        """Return the limits as a key's file and `/api/keys` have them."""
        outputs = None if self.outputs is None else list(self.outputs)
        return {"safety_floor": self.safety_floor, "queue_limit": self.queue_limit, "outputs": outputs}

    @classmethod
    def read(cls, kept: Mapping[str, object]) -> Rights:
        """Read the output of `as_dict`; raises InputError or TypeError for anything else."""
        return cls.parse(**kept)

    def with_floor(self, floor: Level) -> Rights:
        """Return the same limits with the stricter of two floors."""
        return replace(self, safety_floor=_stricter(self.safety_floor, floor))

    @property
    def levels(self) -> tuple[Level, ...]:
        """Return the safety levels that a request may have, the laxest first."""
        return LEVELS[LEVELS.index(self.safety_floor) :]

    @property
    def usual_level(self) -> Level:
        """Return the safety level of a request that names none."""
        return _stricter(USUAL_LEVEL, self.safety_floor)

    def allows(self, output: str) -> bool:
        """Tell whether an output config may be used."""
        return self.outputs is None or output in self.outputs

    def admit(self, plan: Plan) -> Plan:
        """Return the plan without the fallbacks that the user may not use.

        Raises:
            InputError: the plan is below the safety floor, or makes an output that is not allowed (403).
        """
        self._check_safety(plan)
        for output in plan.outputs:
            if not self.allows(output.config):
                raise InputError(
                    "output_not_allowed",
                    status=403,
                    code="output_not_allowed",
                    field="output_config",
                    value=output.config,
                    allowed=list(self.outputs or ()),
                )
        if self.outputs is None:
            return plan
        steps = tuple(tuple(self._without_denied(stage) for stage in step) for step in plan.steps)
        admitted: Plan = plan.model_copy(update={"steps": steps})
        return admitted

    def _check_safety(self, plan: Plan) -> None:
        if plan.safety_level not in self.levels:
            raise InputError(
                "below_safety_floor",
                status=403,
                code="below_safety_floor",
                field="safety_level",
                value=plan.safety_level,
                allowed=list(self.levels),
                safety_floor=self.safety_floor,
            )
        if self.safety_floor != "off" and not checks_all(plan):
            raise InputError(
                "pipeline_below_safety_floor",
                status=403,
                code="below_safety_floor",
                field="pipeline",
                value=plan.pipeline,
                safety_floor=self.safety_floor,
            )

    def _without_denied(self, stage: StagePlan) -> StagePlan:
        if not isinstance(stage, MediaStage) or not stage.output.asked:
            return stage
        kept = tuple(option for option in stage.output.options if self.allows(option.config))
        output: OutputPlan = stage.output.model_copy(update={"options": kept})
        return stage.model_copy(update={"output": output})


def checks_all(plan: Plan) -> bool:
    """Tell whether a safety stage checks every text after its last change, before media are made and at the end."""
    checked = False
    for stage in plan.stages:
        if stage.on_text == "checks":
            checked = not stage.skip
        elif stage.on_text == "changes":
            checked = checked and bool(stage.skip)
        elif isinstance(stage, MediaStage) and not checked and not stage.output.converts:
            return False
    return checked


def _stricter(one: Level, other: Level) -> Level:
    return max(one, other, key=LEVELS.index)


def _check_queue_limit(limit: object) -> int:
    if limit is None:
        return 0
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 0:
        raise InputError("queue_limit_no_number", field="queue_limit", value=limit)
    return limit


def _outputs(outputs: object) -> tuple[str, ...] | None:
    if outputs is None:
        return None
    names = [name for name in outputs if isinstance(name, str)] if isinstance(outputs, list) else None
    if names is None or names != outputs:
        raise InputError("outputs_no_list", field="outputs", value=outputs)
    return tuple(dict.fromkeys(names))
