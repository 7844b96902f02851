"""Scans: what to try, the frozen plan, running it, and how far it is."""

from dlscan.scan.cancel import Cancelled, cancel
from dlscan.scan.freeze import freeze
from dlscan.scan.local import Report, local_slots, run_local
from dlscan.scan.plan import Plan
from dlscan.scan.space import Point, expand
from dlscan.scan.states import CRASHED, STATES, UNDER_WAY
from dlscan.scan.status import PointStatus, point_status, scan_status, settle
from dlscan.scan.submit import Submitted, reconcile, request_for, submit, submitting
from dlscan.scan.wait import watch
from dlscan.scan.work import Work, draft, find_work

__all__ = [
    "CRASHED",
    "STATES",
    "UNDER_WAY",
    "Cancelled",
    "Plan",
    "Point",
    "PointStatus",
    "Report",
    "Submitted",
    "Work",
    "cancel",
    "draft",
    "expand",
    "find_work",
    "freeze",
    "local_slots",
    "point_status",
    "reconcile",
    "request_for",
    "run_local",
    "scan_status",
    "settle",
    "submit",
    "submitting",
    "watch",
]
