"""The dashboard: one rollout's split, failures, latency and pods, stable beside canary."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.builders import common as looks
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    VariableHide,
    VariableOption,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from observability.queries import QUANTILES, Queries, Query
from rollout.traffic.versions import CANARY_VERSION, STABLE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from observability.watched import Watched

UID: Final = "eco2-rollouts"
WHERE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDE, HALF, THIRD, SIXTH = 24, 12, 8, 4
TALL, MIDDLE, LOW = 8, 6, 4
NEW_EVERY: Final = "30s"
COLOURS: Final = {STABLE_VERSION: "blue", CANARY_VERSION: "orange", "unknown": "red"}
WORDS: Final = {STABLE_VERSION: "stable", CANARY_VERSION: "canary", "unknown": "reached no pod"}
ANY: Final = "$__all"


def dashboard_json(watched: Watched) -> str:
    """The dashboard as Grafana imports it."""
    made = dashboard(watched).build()
    return json.dumps(made, cls=JSONEncoder, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def dashboard(watched: Watched) -> build.Dashboard:
    """The dashboard of a catalog's services.

    Args:
        watched: The services, which its variables offer.
    """
    ask = Queries(watched)
    made = (
        build.Dashboard("Eco2 rollouts")
        .uid(UID)
        .description("Stable (v1) beside canary (v2): split, failures, latency and pods of one service.")
        .tags(["eco2", "istio", "canary"])
        .timezone("browser")
        .refresh(NEW_EVERY)
        .time("now-1h", "now")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(build.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_one_of("service", "Service", watched.answering))
        .with_variable(_any_of("namespace", "Namespace", watched.namespaces(watched.answering)))
        .annotation(_mark("weight changed", ask.weight_changes(), "purple"))
        .annotation(_mark("alert", ask.alerts(), "red"))
    )
    for number, panel in enumerate(_panels(ask), 1):
        panel.id(number)
        made = made.with_row(panel) if isinstance(panel, build.Row) else made.with_panel(panel)
    return made


def _panels(ask: Queries) -> Iterable[Any]:
    """From the top to the bottom."""
    yield build.Row("Rollouts under way")
    yield _under_way(ask.under_way())
    yield build.Row("$service now")
    yield _figure(
        "Weight", ask.weight(), "percentunit", "Requests without the header that routes send to the canary."
    )
    yield _figure(
        "Canary's share", ask.share(), "percentunit", "Of the requests that a pod answered, the header's too."
    )
    yield _figure(
        "Canary fails", ask.failures_of(CANARY_VERSION), "percentunit", "5xx, and gRPC codes of the server."
    )
    yield _figure(
        "Stable fails", ask.failures_of(STABLE_VERSION), "percentunit", "5xx, and gRPC codes of the server."
    )
    yield _figure("Canary's pods", ask.canary_pods(), "short", "Available ones.")
    yield _figure("Rollout's age", ask.age(), "s", "Since the canary's Deployment was made.")
    yield build.Row("Split")
    split = "The share follows the weight; below it, stable answers for the canary. The header's requests are above it."
    yield _graph("Canary's share and weight", [ask.share(), ask.weight()], "percentunit", split).min(0).max(1)
    reached = "Requests a second. What reached no pod belongs to neither version."
    yield _stacked(_graph("Requests by version", [ask.requests()], "reqps", reached))
    yield build.Row("Failures")
    yield _graph(
        "Failed share by version", [ask.failures()], "percentunit", "Where both rise, it is not the canary's."
    ).min(0)
    yield _stacked(_graph("Failed requests by version", [ask.failed()], "reqps", "Requests a second."))
    yield build.Row("Latency")
    for percent in QUANTILES:
        title, told = f"p{percent} by version", "As callers' proxies measure it."
        yield _graph(title, [ask.latency(percent)], "ms", told).min(0).span(THIRD)
    yield build.Row("Pods")
    yield _graph("Pods", [ask.pods(), ask.wanted_pods()], "short", "Available and wanted.").min(0)
    yield _graph("Restarts", [ask.restarts()], "short", "By pod.").min(0).draw_style(GraphDrawStyle.BARS)


def _under_way(query: Query) -> table.Panel:
    """Every canary of the cluster, so that one is found without knowing where."""
    kept = {"excludeByName": {"Time": True, "__name__": True}, "renameByName": {"Value": "weight in %"}}
    return (
        table.Panel()
        .title("Rollouts under way")
        .description("Every service with a canary whose weight is known.")
        .datasource(WHERE)
        .span(WIDE)
        .height(MIDDLE)
        .with_target(_target(query).format(PromQueryFormat.TABLE))
        .with_transformation(DataTransformerConfig(id_val="organize", options=kept))
    )


def _figure(title: str, query: Query, unit: str, description: str) -> stat.Panel:
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(WHERE)
        .unit(unit)
        .decimals(1 if unit == "percentunit" else 0)
        .no_value("-")
        .span(SIXTH)
        .height(LOW)
        .with_target(_target(query))
    )


def _graph(title: str, queries: list[Query], unit: str, description: str) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(WHERE)
        .unit(unit)
        .span(HALF)
        .height(TALL)
        .fill_opacity(10)
        .tooltip(looks.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .legend(
            looks.VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
    )
    for place, query in enumerate(queries):
        made = made.with_target(_target(query).ref_id("ABC"[place]))
    for version, colour in COLOURS.items():
        # A version has one colour and one word everywhere.
        fixed = {"mode": FieldColorModeId.FIXED.value, "fixedColor": colour}
        made = made.override_by_regexp(f"/^(p\\d+ )?{version}$/", [DynamicConfigValue("color", fixed)])
        made = made.override_by_name(version, [DynamicConfigValue("displayName", WORDS[version])])
    return made


def _stacked(panel: timeseries.Panel) -> timeseries.Panel:
    return panel.min(0).stacking(looks.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)


def _target(query: Query) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(query.expression).datasource(WHERE)
    made = made.legend_format(query.legend) if query.legend else made
    return made.instant() if query.instant else made.range()


def _mark(name: str, query: Query, colour: str) -> build.AnnotationQuery:
    return (
        build.AnnotationQuery()
        .name(name)
        .datasource(WHERE)
        .enable(True)
        .icon_color(colour)
        .expr(query.expression)
    )


def _one_of(name: str, label: str, values: tuple[str, ...]) -> build.CustomVariable:
    return (
        build.CustomVariable(name)
        .label(label)
        .values(",".join(values))
        .options([VariableOption(one == values[0], one, one) for one in values])
        .current(VariableOption(True, values[0], values[0]))
    )


def _any_of(name: str, label: str, values: tuple[str, ...]) -> build.CustomVariable:
    # A service has one namespace; whoever runs two stacks in one cluster tells them apart by it.
    return (
        _one_of(name, label, values)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(True, "All", ANY))
        .hide(VariableHide.DONT_HIDE)
    )
