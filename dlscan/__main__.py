"""`python -m dlscan`."""

from dlscan.cli.main import main

main()
