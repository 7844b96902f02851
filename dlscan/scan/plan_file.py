"""What `plan.json` has to be before it is believed: anybody may have changed it."""

import re
from collections.abc import Mapping
from typing import Any

from dlscan.config.fitting import SECTIONS
from dlscan.fields import fits, shown

# Names become directories: one level, and nothing that a terminal or a shell would obey.
_NAME = re.compile(r"[^/\x00-\x1f\x7f]{1,240}")


def wrong_plan(value: Any) -> str:
    """Say what of a plan cannot be so; empty if nothing is wrong.

    Parameters
    ----------
    value : object
        The content of `plan.json`.
    """
    if not isinstance(value, Mapping):
        return "it is not a mapping of keys to values"
    for key, rule in _RULES.items():
        if key in value and not fits(rule, value[key]):
            return f"{key} is {shown(value[key])}"
    for section, key in _NUMBERS if "config" in value else ():
        found = value["config"].get(section)
        if not isinstance(found, Mapping) or not fits(int, found.get(key)):
            return f"config.{section}.{key} is not a whole number"
    for section in SECTIONS if "config" in value else ():
        if section == "adversary" and section not in value["config"]:
            continue  # without one
        if not isinstance(value["config"].get(section), Mapping):
            return f"config.{section} is {shown(value['config'].get(section))}"
    for number, point in enumerate(value.get("points", ()), start=1):
        wrong = _wrong_point(number, point)
        if wrong:
            return f"point {number}: {wrong}"
    return ""


_RULES = {
    "name": str,
    "varied": list[str],
    "points": list[dict[str, Any]],
    "config": dict[str, Any],
    "written": dict[str, dict[str, Any]],
    "dataset": str | None,
    "git_commit": str | None,
    "older": list[str],
    "sources": dict[str, dict[str, str]],
    "proposals": list[dict[str, Any]],
    "origins": dict[str, dict[str, Any]],
}
# What is looked at before an experiment is made of them.
_PARAMS = {"train.epochs": int, "model.trees": int, "model.family": str}
_NUMBERS = (("train", "epochs"), ("train", "seed"))


def _wrong_point(number: int, point: Mapping[str, Any]) -> str:
    if point.get("number", number) != number or not fits(int, point.get("number", number)):
        return f"number is {shown(point['number'])}; points must be numbered from 1 without gaps"
    name = point.get("name", "a")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"name is {shown(name)}, which cannot be the name of a directory"
    params = point.get("params", {})
    if not fits(dict[str, Any], params) or not all(
        fits(rule, params[key]) for key, rule in _PARAMS.items() if key in params
    ):
        return f"params is {shown(params)}"
    return ""
