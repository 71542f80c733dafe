"""The commands `lab traffic` and `lab behave`."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import nullcontext
from pathlib import Path  # noqa: TC003  # typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.environment import network, told
from lab.mesh.envoy import CALLER, GATEWAY
from lab.mesh.namespace import enter
from lab.options import Name  # noqa: TC001  # typer reads it at run time
from lab.places import LabFolder
from lab.terminal import say

if TYPE_CHECKING:
    from lab.traffic.load import Target
    from lab.traffic.tally import Tally
    from lab.traffic.users import Users

CANARY = "x-canary: true"
"""What `--header` sends: the header of `services.yaml`. A stack that has another one is asked by `-H`."""


def traffic(  # noqa: PLR0913, PLR0917  # each is an option of the command
    path: Annotated[list[str], typer.Argument(help="Paths to call on each host, in turn: /api/v1/auth/me")],
    host: Annotated[
        list[str],
        typer.Option(help="The public host, or a service inside the mesh: auth-api.auth:8000; repeatable."),
    ],
    header: Annotated[bool, typer.Option("--header", help="Send x-canary: true.")] = False,
    more: Annotated[
        list[str] | None,
        typer.Option("-H", help="Send this header, as of curl: 'x-try: a-word'; repeatable."),
    ] = None,
    inside: Annotated[bool, typer.Option("--inside", help="Call from inside the mesh.")] = False,
    rate: Annotated[float, typer.Option(help="Requests a second, over all paths.", min=0.1)] = 50.0,
    seconds: Annotated[float | None, typer.Option(help="How long. [default: until Ctrl-C]")] = None,
    count: Annotated[
        int | None, typer.Option(help="Instead: send this many requests to each path, at full speed.")
    ] = None,
    users: Annotated[
        int | None, typer.Option(help="As many users come again and keep their cookies.", min=1)
    ] = None,
    user_header: Annotated[str, typer.Option(help="Each sends an id of her own in this header.")] = "",
    streams: Annotated[int | None, typer.Option(help="Instead: hold this many event streams open.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The counts, for scripts.")] = False,
    chart: Annotated[
        Path | None, typer.Option(help="Draw shares, failures and changes of the split into this SVG file.")
    ] = None,
    name: Name = "default",
) -> None:
    """Send requests through the gateway, or from inside the mesh, and show who answers.

    Exit code 1 if a request failed, 3 if no lab runs or it has no network.

    Example: lab traffic /api/v1/auth/me --host api.eco2.test --rate 100 --chart rollout.svg

    Example: lab traffic '/api/v1/auth/me?call=scan-api.scan:8000' --host api.eco2.test -H 'x-canary: true'
    """
    folder = LabFolder.of(name)
    enter(network(folder)[0])
    from lab.traffic import load  # noqa: PLC0415  # slow to import
    from lab.traffic.load import Target  # noqa: PLC0415
    from lab.traffic.users import Users  # noqa: PLC0415

    headers = tuple(_header(one) for one in (*([CANARY] if header else ()), *(more or ())))
    targets = [Target(one, place, headers, inside) for one in host for place in path]
    if streams is not None:
        outcomes = asyncio.run(_streams(targets[0], streams, 60.0 if seconds is None else seconds))
        typer.echo(json.dumps(outcomes, indent=None if as_json else 2))
        raise typer.Exit(not all(one["whole"] for one in outcomes))
    if count is not None:
        tallies = asyncio.run(load.count(targets, count))
        _show_each(tallies, as_json=as_json)
        raise typer.Exit(any(tally.failures for tally in tallies.values()))
    admin = folder.socket(f"{CALLER if inside else GATEWAY}-admin") if chart else None
    people = Users(users, user_header) if users else None
    tally = asyncio.run(_at_rate(targets, rate, seconds, live=not as_json, admin=admin, people=people))
    if chart:
        from lab.traffic.chart import chart as draw  # noqa: PLC0415

        chart.write_text(draw(tally.as_json(), f"{host[0]}{path[0]}"), "utf-8")
    if as_json:
        typer.echo(json.dumps(tally.as_json() | ({"users": people.as_json()} if people else {})))
    elif people:
        typer.echo(people.told())
    raise typer.Exit(bool(tally.failures))


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{text!r} is no header; write NAME: VALUE", param_hint="-H")
    return name.strip(), value.strip(" \t")


def _show_each(tallies: dict[Target, Tally], *, as_json: bool) -> None:
    """The counts of each target; of one alone as they are."""
    from lab.traffic.show import Show  # noqa: PLC0415

    if not as_json:
        for target, tally in tallies.items():
            typer.echo(f"{target.host}{target.path}" if len(tallies) > 1 else "", nl=len(tallies) > 1)
            Show.once(tally)
        return
    each = {f"{target.host}{target.path}": tally.as_json() for target, tally in tallies.items()}
    typer.echo(json.dumps({"targets": each} if len(each) > 1 else next(iter(each.values()))))


async def _streams(target: Target, count: int, seconds: float) -> list[dict[str, Any]]:
    from lab.traffic.load import stream  # noqa: PLC0415

    return await asyncio.gather(*(stream(target, seconds) for _ in range(count)))


async def _at_rate(
    targets: list[Target],
    rate: float,
    seconds: float | None,
    *,
    live: bool,
    admin: Path | None,
    people: Users | None,
) -> Tally:
    from lab.traffic import load, marks  # noqa: PLC0415
    from lab.traffic.show import Show  # noqa: PLC0415
    from lab.traffic.tally import Tally  # noqa: PLC0415

    ended, tally = asyncio.Event(), Tally()
    for wish in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(wish, ended.set)
    first = targets[0]
    following = (
        asyncio.create_task(marks.follow(admin, first.host, first.path, tally.marks.append))
        if admin
        else None
    )
    if not live:
        print("sending", file=sys.stderr, flush=True)
    with nullcontext() if not live else Show(tally):
        await load.at_rate(targets, rate, seconds, ended, tally.add, people.ask if people else load.request)
    if following:
        following.cancel()
    if live:
        Show.once(tally)
    return tally


def behave(  # noqa: PLR0913, PLR0917  # each is an option of the command
    image: Annotated[
        str, typer.Argument(help="A part of an image's name: auth-api-dev-canary. Empty with --reset.")
    ] = "",
    start: Annotated[float, typer.Option(help="Seconds until it listens.")] = 0.3,
    unready: Annotated[bool, typer.Option("--unready", help="Its readiness probe fails.")] = False,
    slow: Annotated[float, typer.Option(help="Extra seconds for each answer.")] = 0.0,
    status: Annotated[int, typer.Option(help="Answer with this status.")] = 200,
    hang: Annotated[bool, typer.Option("--hang", help="Take requests and never answer.")] = False,
    crash: Annotated[bool, typer.Option("--crash", help="End soon after it is ready, each time.")] = False,
    lost: Annotated[bool, typer.Option("--lost", help="Be silent, as a pod whose node is lost.")] = False,
    share: Annotated[float, typer.Option(help="The part of requests that is slow, fails or hangs.")] = 1.0,
    cpu: Annotated[str, typer.Option(help="CPU that each pod uses, which autoscalers read: 300m")] = "5m",
    memory: Annotated[str, typer.Option(help="Memory that each pod uses: 64Mi")] = "32Mi",
    only_new: Annotated[bool, typer.Option("--only-new", help="Leave pods alone that run already.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Let everything behave well again.")] = False,
    name: Name = "default",
) -> None:
    """Make an image misbehave, to see what a rollout does then; without options it behaves well again.

    Exit code 1, and nothing changes, if no running image has such a name but one has a similar name.

    Example: lab behave auth-api-dev-canary --status 500 --share 0.1

    Example: lab behave auth-api-dev-latest --cpu 300m
    """
    behaviour = {
        "start_seconds": start, "ready": not unready, "slow_seconds": slow, "status": status, "hang": hang,
        "crash": crash, "lost": lost, "share": share, "cpu": cpu, "memory": memory, "only_new": only_new,
    }  # fmt: skip
    folder = LabFolder.of(name)
    told(folder)
    if not image and not reset:
        say("error: name an image, or use --reset")
        raise typer.Exit(2)
    from lab.pods.behaviour import StrangerError  # noqa: PLC0415  # slow to import

    try:
        answer = asyncio.run(_order(folder, None if reset else {"image": image, "behaviour": behaviour}))
    except StrangerError as error:
        say(f"error: {error}")
        raise typer.Exit(1) from None
    typer.echo(json.dumps(answer, indent=2))
    raise typer.Exit("error" in answer)


async def _order(folder: LabFolder, order: dict[str, Any] | None) -> dict[str, Any]:
    import aiohttp  # noqa: PLC0415

    from lab.pods.behaviour import nobody_yet  # noqa: PLC0415

    connector = aiohttp.UnixConnector(str(folder.socket("pods")))
    async with aiohttp.ClientSession("http://pods", connector=connector) as session:
        if order:
            async with session.get("/images") as running:
                if note := nobody_yet(order["image"], await running.json()):
                    say(f"note: {note}")
        call = session.put("/behaviour", json=order) if order else session.delete("/behaviour")
        async with call as answer:
            told: dict[str, Any] = await answer.json()
            return told
