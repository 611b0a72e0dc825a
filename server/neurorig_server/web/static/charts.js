// Draws the figures that the page carries as JSON, in the page's own colours. Every chart has a table beside it,
// so nothing is lost where this file does not run.
"use strict";

(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 40rem)");

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function themed(layout) {
    const axis = { gridcolor: colour("--line"), linecolor: colour("--muted"), tickcolor: colour("--muted") };
    const themes = {};
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(key)) themes[key] = { ...layout[key], ...axis };
    }
    const annotations = (layout.annotations ?? []).map((note) =>
      note.name === "reality" ? { ...note, font: { ...note.font, color: colour("--virtual") } } : note);
    const font = { family: "system-ui, sans-serif", size: narrow.matches ? 11 : 12, color: colour("--text") };
    const hover = { ...layout.hoverlabel, bgcolor: colour("--raised"), bordercolor: colour("--line"), font };
    const clear = { paper_bgcolor: "transparent", plot_bgcolor: "transparent" };
    return { ...layout, ...themes, ...clear, annotations, font, hoverlabel: hover };
  }

  function draw(place) {
    const figure = JSON.parse(document.getElementById(place.dataset.figure).textContent);
    const options = {
      responsive: true,
      displaylogo: false,
      // Its buttons would lie over the word VIRTUAL.
      displayModeBar: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
    };
    return window.Plotly.react(place, figure.data, themed(figure.layout), options);
  }

  function drawAll() {
    for (const place of document.querySelectorAll(".plot[data-figure]")) draw(place);
  }

  drawAll();
  dark.addEventListener("change", drawAll);
  narrow.addEventListener("change", drawAll);
})();
