"""`python -m tests.chaos`: disturb scans on a real Slurm at random; see docs/cluster.md."""

import argparse
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from tests.chaos.campaign import Campaign
from tests.cluster.slurm_setup import NoSlurm

NO_SLURM = 77


def main() -> int:
    """Run it; 0 if every promise was kept, 1 if not, 77 where there can be no Slurm."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to disturb (default: 60)")
    parser.add_argument("--seed", type=int, help="of what is drawn (default: another one each time)")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    # so that everything is stopped, however this is
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("stopped"))
    home = Path(tempfile.mkdtemp(prefix="dlscan-chaos-"))
    home.chmod(0o755)
    campaign = Campaign(home, seed)
    print(f"seed {seed}", flush=True)
    try:
        campaign.run(options.seconds)
    except NoSlurm as error:
        print(f"no Slurm: {error}", file=sys.stderr)
        return NO_SLURM
    finally:
        print(campaign.report, flush=True)
        shutil.rmtree(home, ignore_errors=True)
    return 0 if campaign.report.well else 1


if __name__ == "__main__":
    sys.exit(main())
