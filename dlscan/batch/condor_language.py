"""The submit language of HTCondor: what may be in it, and how a word is quoted."""

import math
import re
from collections.abc import Mapping
from typing import Any

from dlscan.batch.script import quoted
from dlscan.config import BatchOptions
from dlscan.errors import BatchError
from dlscan.spelling import hint

# condor_submit(1), without what dlscan decides itself and what belongs to other universes and to DAGs.
_COMMANDS = """
accounting_group accounting_group_user allowed_execute_duration allowed_job_duration append_files
aws_access_key_id_file batch_extra_submit_args buffer_size checkpoint_destination checkpoint_exit_code
compress_files concurrency_limits concurrency_limits_expr container_image container_service_names
container_target_dir coresize cron_day_of_month cron_day_of_week cron_hour cron_minute cron_month
cron_prep_time cron_window cuda_version deferral_prep_time deferral_time deferral_window description
docker_image docker_network_type dont_encrypt_input_files dont_encrypt_output_files email_attributes
encrypt_execute_directory encrypt_input_files encrypt_output_files env environment
erase_output_and_error_on_restart fetch_files getenv gpus_maximum_capability gpus_minimum_capability
gpus_minimum_memory gpus_minimum_runtime hold hold_kill_sig image_size job_ad_information_attrs
job_lease_duration job_machine_attrs job_machine_attrs_history_length job_max_vacate_time keep_claim_idle
kill_sig kill_sig_timeout leave_in_queue load_profile local_files log log_xml loglock manifest
manifest_dir match_list_length max_idle max_retries max_transfer_input_mb max_transfer_output_mb
mount_under_scratch next_job_start_delay nice_user notification notify_user on_exit_hold
on_exit_hold_reason on_exit_hold_subcode on_exit_remove output_destination periodic_hold
periodic_hold_reason periodic_hold_subcode periodic_release periodic_remove periodic_vacate
preserve_relative_paths priority public_input_files rank ready remove_kill_sig request_cpus request_disk
request_gpus request_memory require_gpus requirements retry_request_memory retry_request_memory_increase
retry_request_memory_max retry_until run_as_owner should_transfer_files skip_filechecks starter_debug
starter_log stream_error stream_input stream_output success_exit_code transfer_checkpoint_files
transfer_error transfer_executable transfer_input transfer_input_files transfer_output
transfer_output_files transfer_output_remaps transfer_plugins ulog_execute_attrs universe
use_oauth_services use_x509userproxy vm_memory want_graceful_removal want_io_proxy want_remote_io
want_remote_updates want_rsp when_to_transfer_output x509userproxy
"""
_TRANSFER = "should_transfer_files"
COMMANDS = tuple(_COMMANDS.split())
# What dlscan needs for itself, and what to use instead.
DECIDED = {
    "executable": "batch.template",
    "arguments": "batch.template",
    "queue": "batch.models_per_job",
    "batch_name": "name",
    "jobbatchname": "name",
    "max_materialize": "batch.max_running",
    "output": "batch.template",
    "error": "batch.template",
    "initialdir": "batch.template",
}
# Held for its memory, a job would be held again and again; for its time too, unless it had saved its state.
_SAVED = "ExitCode =?= 85 && ExitBySignal =!= true"
_TOO_LONG = "(HoldReasonCode == 46 || HoldReasonCode == 47)"
_RELEASE = f"{_TOO_LONG} && {_SAVED}"
_REMOVE = f"JobStatus == 5 && (HoldReasonCode == 34 || ({_TOO_LONG} && !({_SAVED})))"


def check_options(options: Mapping[str, Any]) -> None:
    """Check `batch.options` for HTCondor.

    Raises
    ------
    BatchError
        If one is no command of the submit language, is dlscan's to decide, or has a value that cannot be
        written in one line.
    """
    for name, value in options.items():
        lower, where = str(name).lower(), f"batch.options.{name}"
        if lower in DECIDED:
            raise BatchError(f"{where}: dlscan sets it; use {DECIDED[lower]}")
        attribute = re.fullmatch(r"(?:\+|my\.)[a-z_][a-z0-9_]*", lower)
        if attribute is None and lower not in COMMANDS:
            raise BatchError(
                f"{where}: HTCondor's submit language has no such command (write job attributes as +Name); "
                f"{hint(lower, COMMANDS)}"
            )
        if not isinstance(value, str | int | float):
            raise BatchError(f"{where}: must be text, a number, true or false, got {value!r}")
        if isinstance(value, str) and not all(letter.isprintable() for letter in value):
            raise BatchError(f"{where}: must be on one line, without control characters, got {value!r}")


def description(batch: BatchOptions, tag: str, jobs: int) -> list[str]:
    """The commands of a submission that follow from what is asked for; the last of a name counts.

    Parameters
    ----------
    batch : BatchOptions
        Its options come last.
    tag : str
        The jobs' name in the queue.
    jobs : int
        How many there are.
    """
    lines = [f"JobBatchName = {tag}", f"request_cpus = {batch.cpus}"]
    if batch.gpus:
        lines.append(f"request_gpus = {batch.gpus}")
    if batch.memory is not None:
        lines.append(f"request_memory = {math.ceil(batch.memory / 2**20)}M")
    if batch.time is not None:
        lines.append(f"allowed_job_duration = {math.ceil(batch.time)}")
    lines += [f"periodic_release = {_RELEASE}", f"periodic_remove = {_REMOVE}"]
    if batch.max_running is not None and batch.max_running < jobs:
        lines.append(f"max_materialize = {batch.max_running}")
    return lines + [f"{name} = {_written(value)}" for name, value in batch.options.items()]


def brings_files(batch: BatchOptions) -> bool:
    """Whether jobs bring their points and the dataset with them, because nodes do not see the scan."""
    given = {name.lower(): value for name, value in batch.options.items()}
    return str(given.get(_TRANSFER, "")).upper() in ("YES", "TRUE")


def arguments(script: str) -> str:
    """The command that runs a script, wherever it is, with the job's id as its argument.

    The script's name is quoted twice: for bash, and for the single quotes inside `arguments = "..."`, where a
    single or double quote is written twice. As the program itself it could have no newline in its name.
    """
    word = macro_free(quoted(script).replace("'", "''").replace('"', '""'))
    return f"arguments = \"-c 'exec bash {word} $(DOLLAR)0' $(ClusterId).$(ProcId)\""


def macro_free(text: str) -> str:
    """Text in which no dollar sign begins a macro."""
    return text.replace("$", "$(DOLLAR)")


def _written(value: Any) -> str:
    # a bare YES is true to YAML, and HTCondor reads it back
    return str(value).lower() if isinstance(value, bool) else str(value)
