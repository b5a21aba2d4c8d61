// A cookie, for it comes with a page's first request: what is in the browser's own store would come one run late.
export default function({data}) {
  document.cookie = `${data.name}=${data.value}; path=/; max-age=${data.seconds}; samesite=strict`;
}
