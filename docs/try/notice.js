// Sentences at the top of the page. A classic script, because it also tells which module is missing.

function tell(words, ...more) {
  const notice = document.querySelector("#notice");
  if (!notice) return void addEventListener("DOMContentLoaded", () => tell(words, ...more));
  notice.hidden = false;
  notice.replaceChildren(words, " ", ...more);
}

function tellAndReload(words) {
  const again = Object.assign(document.createElement("button"), { textContent: "Reload the page" });
  again.onclick = () => location.reload();
  tell(words, again);
}

function tellMissing(name) {
  tellAndReload(`The file ${name} did not load.`);
}

// A script or style sheet that does not load says so to its element alone. The first is the cause:
// page.js does not load without the modules that it imports.
let isTold = false;
addEventListener("error", ({ target }) => {
  const address = target.src || target.href;
  if (!address || isTold) return;
  isTold = true;
  tellMissing(address.split("/").pop());
}, true);
