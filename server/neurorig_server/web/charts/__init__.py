"""Records to Plotly figures. Pure: no store, no request, no page. Not for tables, which stand beside every chart."""

from neurorig_server.web.charts.benchmark_curves import gap_over_timeout, reached_over_time
from neurorig_server.web.charts.energy_bars import energy_bars
from neurorig_server.web.charts.figure import Chart
from neurorig_server.web.charts.power_trace import closer_look, power_trace
from neurorig_server.web.charts.step_curve import step_curve

__all__ = [
    "Chart",
    "closer_look",
    "energy_bars",
    "gap_over_timeout",
    "power_trace",
    "reached_over_time",
    "step_curve",
]
