"""The style of a report: light and dark by what the reader's system asks for, light on paper."""

from __future__ import annotations

from typing import Final

COLOURS: Final = {
    "light": {
        "page": "#ffffff",
        "card": "#f6f8f9",
        "ink": "#1f2933",
        "muted": "#55606a",
        "grid": "#d5dbe0",
        "stable": "#0b7285",
        "canary": "#b45309",
        "share": "#f8d98a",
        "ground": "#e3f3f6",
        "sick": "#b42318",
        "well": "#1b7a3d",
    },
    "dark": {
        "page": "#11161c",
        "card": "#1a2129",
        "ink": "#e6ebf0",
        "muted": "#a3afba",
        "grid": "#36424d",
        "stable": "#5cc8d7",
        "canary": "#f2b92c",
        "share": "#6e5310",
        "ground": "#15303a",
        "sick": "#ff8a80",
        "well": "#6fd08c",
    },
}
"""Text and lines keep the contrasts of WCAG 2.2 (4.5 and 3) in both; a test computes them."""

RULES: Final = """
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 24px 20px 48px; max-width: 1040px; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
h1 { font-size: 25px; line-height: 1.25; margin: 0 0 8px; }
h2 { font-size: 20px; margin: 40px 0 4px; }
p { margin: 4px 0; overflow-wrap: anywhere; }
code { font: 13px/1.4 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.outcome { border-left: 5px solid var(--muted); background: var(--card); padding: 10px 14px; margin: 12px 0 18px; }
.outcome strong { font-size: 18px; }
.outcome.well { border-color: var(--well); } .outcome.well strong { color: var(--well); }
.outcome.sick { border-color: var(--sick); } .outcome.sick strong { color: var(--sick); }
.muted { color: var(--muted); }
a { color: inherit; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin: 4px 0 8px; }
caption { text-align: left; font-weight: 600; font-size: 16px; padding: 16px 0 2px; }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--grid); }
th { font-weight: 600; }
thead th { color: var(--muted); white-space: nowrap; }
td.figure, th.figure { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.when { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.words { overflow-wrap: anywhere; min-width: 220px; }
tr.verdict th { background: var(--card); padding: 8px 14px 8px 10px; overflow-wrap: anywhere; }
tr.verdict + tr th, tr.verdict + tr td { padding-top: 7px; }
.answer { white-space: nowrap; font-weight: 600; }
.answer.well { color: var(--well); } .answer.sick { color: var(--sick); }
.bar { display: inline-block; width: 72px; height: 9px; margin-right: 8px; border: 1px solid var(--muted); }
.bar i { display: block; height: 100%; background: var(--muted); }
.bar.well i { background: var(--well); } .bar.sick i { background: var(--sick); }
svg.chart { display: block; width: 100%; min-width: 640px; height: auto; font-size: 13px; }
svg text { fill: var(--ink); } svg .scale, svg .time { fill: var(--muted); } svg .scale { text-anchor: end; }
svg .name { font-weight: 600; } svg .label { font-weight: 600; }
.ground { fill: var(--ground); } .grid { stroke: var(--grid); } .tick { stroke: var(--muted); }
.share { fill: var(--share); stroke: var(--canary); } .weight { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.stable { stroke: var(--stable); stroke-dasharray: 6 3; } .line.canary { stroke: var(--canary); }
.mark { stroke: var(--muted); stroke-dasharray: 2 4; }
.mark.struck { stroke: var(--sick); stroke-dasharray: none; stroke-width: 2; } svg .label.struck { fill: var(--sick); }
.mark.well { stroke: none; } .mark.sick { stroke: var(--sick); }
.verdict.well { fill: var(--well); } .verdict.sick { fill: var(--sick); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 6px 0; padding: 0; font-size: 14px; }
.legend svg { vertical-align: -2px; margin-right: 6px; }
@media print {
  body { padding: 0; max-width: none; font-size: 11pt; }
  figure, tbody, tr, .wide { break-inside: avoid; } h2, caption { break-after: avoid; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .wide { overflow: visible; } svg.chart { min-width: 0; }
}
figure { margin: 8px 0; }
"""


def style() -> str:
    """The whole style sheet."""
    light, dark = (
        "".join(f"--{name}:{colour};" for name, colour in COLOURS[ground].items())
        for ground in ("light", "dark")
    )
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}{RULES}"
    )
