#!/bin/sh
# A shell loop, as in many a cron replacement. It ends at SIGTERM because sh does;
# the sleep that it waits for is ended with it, as everything that it started.
n=0
while :; do
	n=$((n + 1))
	echo "beat $n at $(date +%T)"
	sleep "${CLOCK_PAUSE:-1}"
done
