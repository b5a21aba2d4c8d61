// Keep a value as a cookie: unlike the browser's own store, it comes with a page's first request.
export default function({data}) {
  document.cookie = `${data.name}=${data.value}; path=/; max-age=${data.seconds}; samesite=strict`;
}
