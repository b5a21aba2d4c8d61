// Tells the server how large the window is in which the page was opened.
export default function({setStateValue}) { setStateValue("size", [window.innerWidth, window.innerHeight]) }
