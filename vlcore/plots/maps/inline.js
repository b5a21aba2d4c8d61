// Mounts the maps of a file or a notebook: before each block of data is the element that shows it, in a shadow, so that styles of
// the page and styles of maps keep apart. Without scripts the element shows its words.

const style = new CSSStyleSheet();
style.replaceSync(STYLE);

for (const block of document.querySelectorAll("script.maps-data")) {
  const shadow = block.previousElementSibling.attachShadow({mode: "open"});
  shadow.adoptedStyleSheets = [style];
  new Maps(shadow).update(JSON.parse(block.textContent));
}

// A frame that a notebook made of this page is as high as the page.
const frame = window.frameElement;
if (frame?.hasAttribute("srcdoc")) {
  const page = document.documentElement;
  new ResizeObserver(() => { frame.style.height = `${page.offsetHeight}px`; }).observe(page);
}
