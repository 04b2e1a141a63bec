// Small things to build the page with. Text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, className, attributes = {}, children = []) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function button(label, icon, onClick) {
  const made = element("button", "wsl-button", { type: "button", title: label }, [drawing(icon)]);
  made.setAttribute("aria-label", label);
  made.addEventListener("click", onClick);
  return made;
}

// An icon from the outlines of its strokes, in a box of 16 by 16.
export function drawing(outline) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", outline);
  svg.append(path);
  return svg;
}

// JupyterHub answers a script's GET only with this header; everybody else's writes need it.
export function tokenHeaders() {
  const token = cookie("_xsrf");
  return token ? { "X-XSRFToken": token } : {};
}

// The value of a cookie that scripts may read; Jupyter's own front end reads its token so too.
export function cookie(name, cookies = document.cookie) {
  const found = cookies.split("; ").find((each) => each.startsWith(`${name}=`));
  return found ? found.slice(name.length + 1) : null;
}
