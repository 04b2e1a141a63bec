// Leaves the keys of a dashboard's drop-downs to them: JupyterLab takes arrows to go from cell to
// cell, whatever has the focus, and listens at the document; only the window is earlier.

export default {
  render({ el, signal }) {
    const keep = (event) => {
      const isOurs = el.closest(".wsl-dashboard")?.contains(event.target);
      if (isOurs && event.target.matches("select")) event.stopPropagation();
    };
    window.addEventListener("keydown", keep, { capture: true, signal });
  },
};
