// Draws the charts of an offline page from the JSON that stands behind each.
for (const block of document.querySelectorAll("script[type='application/json']")) {
  vegaEmbed(block.previousElementSibling, JSON.parse(block.textContent),
    {renderer: "svg", actions: {export: {png: true, svg: true}, source: false, compiled: false, editor: false}})
    .catch(error => { block.previousElementSibling.textContent = "This chart could not be drawn: " + error; });
}
for (const button of document.querySelectorAll("button[data-slider]")) filmPlayer(button, button.dataset.slider);
