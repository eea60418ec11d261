"""A worker that takes jobs from a queue, one after the other."""

import itertools
import logging
import os
import signal
import sys
import time

# Python's logging goes to stderr. Velos takes the level of a line from the line itself,
# so an INFO on stderr is not an error.
logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
log = logging.getLogger("worker")

running = True


def stop(signum, frame):
    global running
    running = False


def main():
    signal.signal(signal.SIGTERM, stop)
    pause = float(os.environ.get("WORKER_PAUSE", "1"))
    log.info("ready, one job every %g s", pause)
    for job in itertools.count(1):
        if not running:
            break
        if job % 5 == 0:
            log.warning("job %d was slow", job)
        else:
            log.info("job %d done", job)
        time.sleep(pause)
    log.info("stopped between two jobs")


if __name__ == "__main__":
    sys.exit(main())
