"""Asks the Prometheus of a climb once, before its first step. Says why it tells nothing, and fails then.

Usage: prometheus.py. Environment: ECO2_PROMETHEUS_URL.
"""

from __future__ import annotations

import os
import sys

from eco2.judge.asking import Asker
from eco2.prometheus import URL_VARIABLE, PrometheusError
from rollout.judge.observations import Unknown
from rollout.text.plain import one_line

try:
    now = Asker(os.environ.get(URL_VARIABLE, "")).now()
except PrometheusError as error:
    now = Unknown(str(error))
if isinstance(now, Unknown):
    sys.exit(one_line(f"{now.why}; without it no canary is known to be well, so none is brought up"))
sys.stdout.write("no canary was there to be watched\n")
