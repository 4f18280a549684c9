"""The peer: Lab 02's second act as a marimo notebook with plotly, same physics, same two plots, same readouts."""

import marimo

app = marimo.App(width="medium")


@app.cell
def _():
    import marimo as mo
    import numpy as np
    import plotly.graph_objects as go

    from labs.vol1.lab_02_ml_systems import DEADLINE, DISTANCES_KM, TARGET, SafetyLoop

    return DEADLINE, DISTANCES_KM, SafetyLoop, TARGET, go, mo, np


@app.cell
def _(mo):
    distance = mo.ui.slider(0, 4000, 10, value=1500, label="Distance to the data centre (km)", full_width=True)
    distance
    return (distance,)


@app.cell
def _(SafetyLoop, distance):
    outcome = SafetyLoop.compute(
        "cloud", cameras=8, precision="fp16", distance_m=distance.value * 1e3, link_bytes_s=1.25e9, gpu="A100"
    )
    return (outcome,)


@app.cell
def _(TARGET, mo, outcome):
    mo.md(
        f"**Loop** <span id='readout'>{outcome.total_s * 1e3:.3f}</span> ms · **Margin** "
        f"{(TARGET.value - outcome.total_s) * 1e3:+.3f} ms · **Largest term** {outcome.largest} · "
        f"**Radius** {outcome.service_radius_m / 1e3:,.0f} km · **Top-1** {outcome.top1:.2f} %"
    )
    return


@app.cell
def _(DEADLINE, TARGET, go, outcome):
    waterfall = go.Figure(
        [go.Bar(y=["design"], x=[value * 1e3], name=name, orientation="h") for name, value in outcome.terms.items()]
    )
    waterfall.update_layout(barmode="stack", height=260, title="One pass of the loop", xaxis_title="time (ms)")
    waterfall.add_vline(TARGET.value * 1e3)
    waterfall.add_vline(DEADLINE.value * 1e3)
    waterfall
    return


@app.cell
def _(DEADLINE, DISTANCES_KM, TARGET, distance, go, outcome):
    reach = go.Figure(
        [
            go.Scatter(x=DISTANCES_KM, y=outcome.reach_s * 1e3, mode="lines"),
            go.Scatter(x=[distance.value], y=[outcome.total_s * 1e3], mode="markers"),
        ]
    )
    reach.update_layout(
        height=300, title="How far away may it be?", xaxis_title="distance (km)", yaxis_title="loop (ms)"
    )
    reach.update_yaxes(range=[0, 50])
    reach.add_hline(TARGET.value * 1e3)
    reach.add_hline(DEADLINE.value * 1e3)
    reach
    return


if __name__ == "__main__":
    app.run()
