"""Scans: what to try, the frozen plan, running it, and how far it is."""

from dlscan.scan.driver import Report, local_slots, run_local, unfinished_points
from dlscan.scan.plan import Plan, freeze
from dlscan.scan.space import Point, expand
from dlscan.scan.states import to_submit
from dlscan.scan.status import PointStatus, point_status, scan_status, settle

__all__ = [
    "Plan",
    "Point",
    "PointStatus",
    "Report",
    "expand",
    "freeze",
    "local_slots",
    "point_status",
    "run_local",
    "scan_status",
    "settle",
    "to_submit",
    "unfinished_points",
]
