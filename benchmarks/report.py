"""The tables, as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlscan.files import write_json, write_text


def save(out: Path, name: str, page: str, result: dict[str, Any] | None = None) -> None:
    """Write `name`.md to the directory `out`, which is made, and a result beside it as `name`.json."""
    out.mkdir(parents=True, exist_ok=True)
    if result is not None:
        write_json(out / f"{name}.json", result)
    write_text(out / f"{name}.md", page)


def complete(case: dict[str, Any]) -> None:
    """Add `ratio` to the best peer and `share` of the limit to each row, and name the best peer."""
    rows = [row for row in case["readers"] if "error" not in row]
    peers = [row for row in rows if row["role"] == "peer"]
    best = max(peers, key=lambda row: row["rate"], default=None)
    limits = {row["reader"]: row["rate"] for row in rows if row["role"] == "limit"}
    case["best_peer"] = best["reader"] if best else None
    for row in rows:
        row["ratio"] = row["rate"] / best["rate"] if best else None
        limit = _limit(row["reader"], case["compressed"], limits)
        row["share"] = row["rate"] / limit if limit and row["role"] != "limit" else None


def _limit(reader: str, compressed: bool, limits: dict[str, float]) -> float | None:
    """The rate of the least work that a reader cannot avoid, of what was measured."""
    usual = "limit-set" if reader.startswith("dlscan-prepared") else "limit-inflate"
    names = (usual,) if compressed else ("limit-gather", "limit-copy", usual)
    return next((limits[name] for name in names if name in limits), None)


def markdown(result: dict[str, Any]) -> str:
    """The whole result as a page."""
    lines = [
        "# Benchmark",
        "",
        *made_with(result),
        _settings(result["settings"]),
        "",
        "Events/s delivered; ratio: to the best peer of the table; share: of the limit (gzip: reading and",
        "inflating; uncompressed showers: copying memory; uncompressed tables: gathering rows; prepared",
        "showers: setting memory); first: seconds from asking to the first batch, workers' start included.",
        "docs/benchmarks.md says how it is done.",
    ]
    for case in result["cases"]:
        lines += ["", *_case(case)]
    if result["prepare"]:
        lines += ["", *_prepare(result["prepare"])]
    if result["memory"]:
        lines += ["", *_memory(result["memory"])]
    return "\n".join(lines) + "\n"


def made_with(result: dict[str, Any]) -> list[str]:
    """Lines about the machine and the versions, as `machine.describe` found them."""
    machine, versions = result["machine"], result["versions"]
    commit = (result["commit"] or "unknown")[:12] + (" with changes" if result["changed"] else "")
    packages = ", ".join(f"{name} {version}" for name, version in versions.items() if name != "dlscan")
    return [
        f"{result['date']}, dlscan {versions.get('dlscan', '')}, commit {commit}.",
        f"{machine['cpu']}, {machine['cpus_used']} of {machine['cpus']} CPUs, {machine['memory_gib']} GiB, "
        f"{machine['system']}; load when it began: {machine['load']:.1f}.",
        f"{packages}.",
    ]


def _settings(how: dict[str, Any]) -> str:
    touched = ", every value summed up" if how["touch"] else ""
    return (
        f"Batch 1024, {how['workers']} workers, warm cache{touched}; medians of {how['rounds']} rounds in "
        f"which all readers of a table take turns, of {how['seconds']:g} s or more."
    )


def _case(case: dict[str, Any]) -> list[str]:
    size = f"{case['event_bytes'] / 1000:.3g} kB dense, {case['stored_bytes'] / 1000:.3g} kB stored"
    lines = [
        f"## {case['title']}",
        "",
        f"{case['events']:,} events in {case['files']} files, {size} an event.",
        "",
        "| reader | delivers | events/s | GB/s | ratio | share | first |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in case["readers"]:
        title = row["title"] + (f" ({row['note']})" if row.get("note") else "")
        if "error" in row:
            lines.append(f"| {title} | {row['error']} | | | | | |")
            continue
        mark = "**" if row["reader"] == case["best_peer"] or row["role"] == "dlscan" else ""
        cells = [
            title,
            row["delivers"],
            f"{mark}{row['rate']:,.0f}{mark}",
            f"{row['rate'] * case['event_bytes'] / 1e9:.2f}",
            f"{row['ratio']:.2f}" if row["ratio"] and row["role"] != "limit" else "",
            f"{100 * row['share']:.0f} %" if row["share"] and row["role"] == "dlscan" else "",
            f"{row['first']:.2f}" if row["first"] is not None else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _prepare(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## dlscan prepare",
        "",
        "| files | makes | events | seconds | events/s | bytes an event |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in rows:
        rate = f"{row['events'] / row['seconds']:,.0f}"
        cells = [
            row["case"],
            row["kind"],
            f"{row['events']:,}",
            f"{row['seconds']:.2f}",
            rate,
            f"{row['bytes']:,.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _memory(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "## Memory of a stream",
        "",
        "Peak of the proportional set size of all its processes; `private` leaves out pages of files.",
        "",
        "| dataset | files | events | limit MB | peak MB | private MB | opened in s | first batch s |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        if "error" in row:
            lines.append(f"| {row['dataset']} | {row['error']} | | | | | | |")
            continue
        megabytes = [f"{row[name] / 1e6:,.0f}" for name in ("limit", "peak", "private")]
        cells = [row["dataset"], f"{row['files']:,}", f"{row['events']:,}", *megabytes]
        cells += [f"{row['opened']:.2f}", f"{row['first']:.2f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return lines
