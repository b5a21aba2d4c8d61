// A button that copies the address of the page.
export default function({parentElement}) {
  const button = parentElement.querySelector("button"), status = parentElement.querySelector("[role=status]");
  const copyWithoutClipboard = address => {  // browsers give the clipboard to pages of https and localhost only
    const field = document.createElement("textarea");
    field.value = address;
    field.setAttribute("readonly", "");
    field.style.cssText = "position: fixed; opacity: 0";
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    button.focus();
    return done;
  };
  const copy = async () => {
    let done = true;
    try { await navigator.clipboard.writeText(window.location.href); } catch { done = copyWithoutClipboard(window.location.href); }
    status.textContent = done ? "Copied" : "Not allowed here: copy the address from the address bar.";
    setTimeout(() => { status.textContent = ""; }, 4000);
  };
  button.addEventListener("click", copy);
  return () => button.removeEventListener("click", copy);
}
