"""Entry point: `python -m lab.plugins.kubernetes ENGINE_ADDRESS`."""

from lab.plugins.host import serve
from lab.plugins.kubernetes.provider import Kubernetes

serve(Kubernetes())
