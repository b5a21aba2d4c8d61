// Tell the server the size of the window.
export default function({setStateValue}) { setStateValue("size", [window.innerWidth, window.innerHeight]) }
