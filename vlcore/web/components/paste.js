// Streamlit's uploader takes pasted files only while it has the focus: send it files that are pasted anywhere.
let heard = new AbortController();  // until Streamlit calls again, as for another theme

export default function() {
  const forward = event => {
    const pasted = event.clipboardData, uploader = document.querySelector("[data-testid=stFileUploaderDropzone]");
    if (!pasted?.files.length || !uploader || uploader.contains(event.target)) return;
    const files = new DataTransfer();
    for (const file of pasted.files) files.items.add(file);
    uploader.dispatchEvent(new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true}));
  };
  heard.abort();
  const {signal} = heard = new AbortController();
  document.addEventListener("paste", forward, {signal});
  return () => { if (heard.signal === signal) heard.abort(); };
}
