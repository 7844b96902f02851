"""The tables of whole scans, as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.report import made_with


def complete(scan: dict[str, Any]) -> None:
    """Add to each row how many times as fast it is as one point a job, and as the fastest peer."""
    sound = [row for row in scan["rows"] if "error" not in row]
    single = next((row["seconds"] for row in sound if row["way"] == "single"), None)
    peer = min((row["seconds"] for row in sound if row["role"] == "peer"), default=None)
    for row in sound:
        row["to_peer"] = peer / row["seconds"] if peer else None
        row["to_single"] = single / row["seconds"] if single and row["role"] == "dlscan" else None


def markdown(result: dict[str, Any]) -> str:
    """The whole result as a page."""
    how = result["settings"]
    lines = [
        "# Whole scans",
        "",
        *made_with(result),
        f"Batch 1024; medians of {how['rounds']} rounds in which all ways take turns.",
        "",
        "Seconds from the command to its end, when the last record or score is written; ratios: how many",
        "times as fast as the fastest peer and as one point a job; beside: seconds of a job that are not",
        "training, per point; worst AUC: mean over the classes, of the worst network; memory: the peak of",
        "all processes.",
        "`dlscan prepare` is not in the seconds; it happens once. docs/benchmarks.md says how it is done.",
    ]
    for scan in result["scans"]:
        lines += ["", *_scan(scan)]
    return "\n".join(lines) + "\n"


def _scan(scan: dict[str, Any]) -> list[str]:
    events = ", ".join(f"{number:,} {side}" for side, number in scan["events"].items())
    lines = [
        f"## {scan['title']}",
        "",
        f"{events} events of {scan['event_bytes'] / 1000:.3g} kB, {scan['layout']}; {scan['epochs']} epochs.",
    ]
    if "prepare_seconds" in scan:
        lines[-1] += f" `dlscan prepare`: {scan['prepare_seconds']:.1f} s."
    lines += [
        "",
        "| way | jobs | seconds | of rounds | to peer | to one a job | beside | worst AUC | memory MB |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in scan["rows"]:
        if "error" in row:
            lines.append(f"| {row['title']} | {row['error']} | | | | | | | |")
            continue
        all_seconds = [turn["seconds"] for turn in row["turns"]]
        cells = [
            row["title"],
            _number(row["jobs"], ".0f"),
            f"{row['seconds']:.1f}",
            f"{min(all_seconds):.1f} to {max(all_seconds):.1f}",
            _number(row["to_peer"], ".2f"),
            _number(row["to_single"], ".2f"),
            _number(row["beside"], ".2f"),
            f"{row['auc']:.3f}",
            f"{row['peak'] / 1e6:,.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _number(value: float | None, how: str) -> str:
    return "" if value is None else f"{value:{how}}"
