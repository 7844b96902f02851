"""Scans: what to try, the frozen plan, running it, and how far it is."""

from dlscan.point_state import CRASHED, SETTLED, STATES, UNDER_WAY
from dlscan.scan.cancel import Cancelled, cancel
from dlscan.scan.detach import Detached, detach
from dlscan.scan.freeze import freeze
from dlscan.scan.local import PointEnded
from dlscan.scan.plan import Plan
from dlscan.scan.run import Listener, ScanResult, run
from dlscan.scan.space import Point, expand
from dlscan.scan.status import PointStatus, point_status, scan_status
from dlscan.scan.submit import Submitted, submit
from dlscan.scan.wait import watch
from dlscan.scan.work import Work, draft, find_work

__all__ = [
    "CRASHED",
    "SETTLED",
    "STATES",
    "UNDER_WAY",
    "Cancelled",
    "Detached",
    "Listener",
    "Plan",
    "Point",
    "PointEnded",
    "PointStatus",
    "ScanResult",
    "Submitted",
    "Work",
    "cancel",
    "detach",
    "draft",
    "expand",
    "find_work",
    "freeze",
    "point_status",
    "run",
    "scan_status",
    "submit",
    "watch",
]
