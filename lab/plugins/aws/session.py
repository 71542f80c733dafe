"""The calls to AWS: the endpoint and keys of the environment, as every AWS client reads them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

MISSING = ("NoSuchEntity", "ResourceNotFoundException", "InvalidLaunchTemplateId.NotFound")


class Session:
    """One region."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        # Imported at the first call: an update without changes never needs it.
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        patience = Config(connect_timeout=3, read_timeout=30, retries={"max_attempts": 2})
        return boto3.Session(region_name=self.region).client(service, config=patience)  # type: ignore[call-overload]

    @property
    def account(self) -> str:
        """The account's number."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def found(self, call: Callable[[], Any]) -> Any:
        """The answer of a call; None where the thing that it names does not exist."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            return call()
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise
