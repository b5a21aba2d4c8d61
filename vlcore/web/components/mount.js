// Mounts maps in a page of Streamlit, which calls again for newer data and ends no former call, but for one that was under way:
// that it ends, before or after the newer call, or makes last. Where the parent is still on the page, it is such a call that ends.
const mapsByParent = new WeakMap();

export default function({parentElement, data, setStateValue}) {
  let maps = mapsByParent.get(parentElement);
  if (!maps) mapsByParent.set(parentElement, maps = new Maps(parentElement, setStateValue));
  const former = maps.latest;
  maps.setState = setStateValue;
  maps.update(data);
  return () => {
    if (!parentElement.isConnected) {
      maps.end();
      mapsByParent.delete(parentElement);
    } else if (maps.latest === data && former) maps.update(former);
  };
}
