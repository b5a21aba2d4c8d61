// Streamlit's uploader takes what is pasted into it, and it must be focused for that; few would find that out.
export default function() {
  const hand = event => {
    const given = event.clipboardData, uploader = document.querySelector("[data-testid=stFileUploaderDropzone]");
    if (!given?.files.length || !uploader || uploader.contains(event.target)) return;
    const files = new DataTransfer();
    for (const file of given.files) files.items.add(file);
    uploader.dispatchEvent(new ClipboardEvent("paste", {clipboardData: files, bubbles: true, cancelable: true}));
  };
  document.addEventListener("paste", hand);
  return () => document.removeEventListener("paste", hand);
}
