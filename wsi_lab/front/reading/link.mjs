// The token of a link is in the fragment of its address, which no server is told. It is taken out
// of there at once, so that nobody copies it with the address, and lasts as long as the tab.

const KEPT_AS = "wsi-lab/link";

export function linkToken(location, history, storage) {
  const { hash, pathname, search } = location;
  const name = `${KEPT_AS}${pathname}`;
  if (!hash.startsWith("#wsi_")) return storage?.getItem(name) ?? null;
  const token = hash.slice(1);
  history.replaceState(null, "", pathname + search);
  try {
    storage?.setItem(name, token);
  } catch {
    return token;
  }
  return token;
}
