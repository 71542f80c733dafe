"""Entry point: `python -m lab.plugins.aws ENGINE_ADDRESS`."""

from lab.plugins.aws.provider import Aws
from lab.plugins.host import serve

serve(Aws())
