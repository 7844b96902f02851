"""The submit language of HTCondor: what may be in it, and how a word is quoted."""

import difflib
import math
from collections.abc import Mapping
from typing import Any

from dlscan.batch.script import quoted
from dlscan.config import Batch
from dlscan.errors import BatchError

# condor_submit(1), without what dlscan decides itself and what is of no use to it (other universes, DAGs).
COMMANDS = tuple(
    """
    accounting_group accounting_group_user allowed_execute_duration allowed_job_duration append_files
    aws_access_key_id_file batch_extra_submit_args buffer_size checkpoint_destination checkpoint_exit_code
    compress_files concurrency_limits concurrency_limits_expr container_image container_service_names
    container_target_dir coresize cron_day_of_month cron_day_of_week cron_hour cron_minute cron_month cron_prep_time
    cron_window cuda_version deferral_prep_time deferral_time deferral_window description docker_image
    docker_network_type dont_encrypt_input_files dont_encrypt_output_files email_attributes encrypt_execute_directory
    encrypt_input_files encrypt_output_files env environment erase_output_and_error_on_restart fetch_files getenv
    gpus_maximum_capability gpus_minimum_capability gpus_minimum_memory gpus_minimum_runtime hold hold_kill_sig
    image_size job_ad_information_attrs job_lease_duration job_machine_attrs
    job_machine_attrs_history_length job_max_vacate_time keep_claim_idle kill_sig kill_sig_timeout leave_in_queue
    load_profile local_files log log_xml loglock manifest manifest_dir match_list_length max_idle max_retries
    max_transfer_input_mb max_transfer_output_mb mount_under_scratch next_job_start_delay nice_user notification
    notify_user on_exit_hold on_exit_hold_reason on_exit_hold_subcode on_exit_remove output_destination periodic_hold
    periodic_hold_reason periodic_hold_subcode periodic_release periodic_remove periodic_vacate
    preserve_relative_paths priority public_input_files rank ready remove_kill_sig request_cpus request_disk
    request_gpus request_memory require_gpus requirements retry_request_memory retry_request_memory_increase
    retry_request_memory_max retry_until run_as_owner should_transfer_files skip_filechecks
    starter_debug starter_log stream_error stream_input stream_output success_exit_code transfer_checkpoint_files
    transfer_error transfer_executable transfer_input transfer_input_files transfer_output transfer_output_files
    transfer_output_remaps transfer_plugins ulog_execute_attrs universe use_oauth_services use_x509userproxy
    vm_memory want_graceful_removal want_io_proxy want_remote_io want_remote_updates want_rsp
    when_to_transfer_output x509userproxy
    """.split()
)
# what a scan would not survive, and where else to say it
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
_OOM_OR_TIME = "JobStatus == 5 && (HoldReasonCode == 34 || HoldReasonCode == 46 || HoldReasonCode == 47)"


def check_options(options: Mapping[str, Any]) -> None:
    """Check `batch.options` for HTCondor.

    Raises
    ------
    BatchError
        If one is no command of the submit language, is dlscan's to decide, or has a value that cannot be
        written in one line.
    """
    known = {name.lower() for name in COMMANDS}
    for name, value in options.items():
        lower = str(name).lower()
        if lower in DECIDED:
            raise BatchError(f"batch.options: {name} is decided by dlscan; see {DECIDED[lower]}")
        attribute = lower[1:] if lower.startswith("+") else lower.removeprefix("my.")
        if attribute != lower:
            fits = attribute.replace("_", "a").isalnum() and attribute.isascii()
        else:
            fits = lower in known
        if not fits:
            near = difflib.get_close_matches(lower, sorted(known), n=3, cutoff=0.6)
            raise BatchError(
                f"batch.options: HTCondor's submit language has no command {name!r}; "
                + (f"did you mean {' or '.join(near)}? " if near else "")
                + "An attribute of the job's own is written +Name; the commands are: "
                + ", ".join(COMMANDS)
            )
        if not isinstance(value, str | int | float | bool) or "\n" in str(value) or "\r" in str(value):
            raise BatchError(
                f"batch.options: {name} must be a number, true, false or text of one line, got {value!r}"
            )


def description(batch: Batch, tag: str, jobs: int, script: str) -> list[str]:
    """The commands of a submission that follow from what is asked for; the last of a name counts.

    Parameters
    ----------
    batch : Batch
        Its options come last.
    tag : str
        The jobs' name in the queue.
    jobs : int
        How many there are.
    script : str
        Path of the script that they run, with their id as its argument.
    """
    run = f"exec bash {argument(script)} $(DOLLAR)0"
    lines = [f"JobBatchName = {tag}", f"arguments = \"-c '{run}' $(ClusterId).$(ProcId)\""]
    lines.append(f"request_cpus = {batch.cpus}")
    if batch.gpus:
        lines.append(f"request_gpus = {batch.gpus}")
    if batch.memory is not None:
        lines.append(f"request_memory = {math.ceil(batch.memory / 2**20)}M")
    if batch.time is not None:
        lines.append(f"allowed_job_duration = {math.ceil(batch.time)}")
    # what was held for these would come back by a `condor_release` while its successor runs
    lines.append(f"periodic_remove = {_OOM_OR_TIME}")
    if batch.max_running is not None and batch.max_running < jobs:
        lines.append(f"max_materialize = {batch.max_running}")
    return lines + [f"{name} = {_written(value)}" for name, value in batch.options.items()]


def argument(word: str) -> str:
    """Quote one word twice: for bash, and for the single quotes inside `arguments = "..."` around it.

    There a single or double quote is written twice, and a dollar sign would begin a macro.
    """
    return quoted(word).replace("'", "''").replace('"', '""').replace("$", "$(DOLLAR)")


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
