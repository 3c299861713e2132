(() => {
  "use strict";
  const plots = () => Array.from(document.querySelectorAll(".js-plotly-plot"));
  const PRINT_WIDTH = 680;
  let opened = [];
  if (window.matchMedia("(pointer: coarse)").matches) {
    plots().forEach((plot) => Plotly.relayout(plot, { dragmode: false }));
  }
  window.addEventListener("beforeprint", () => {
    plots().forEach((plot) => Plotly.relayout(plot, { width: PRINT_WIDTH, autosize: false }));
    opened = Array.from(document.querySelectorAll("details[data-print]:not([open])"));
    opened.forEach((details) => { details.open = true; });
  });
  window.addEventListener("afterprint", () => {
    plots().forEach((plot) => Plotly.relayout(plot, { width: null, autosize: true }));
    opened.forEach((details) => { details.open = false; });
  });
})();
