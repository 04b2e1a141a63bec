// For pages whose policy asks for trusted types: whatever a browser would read as markup is
// refused, wherever it comes from. Before Leaflet, which tries one such word while it loads.

globalThis.trustedTypes?.createPolicy("default", {
  createHTML(text) {
    if (text !== "" && text !== "<svg/>") throw new TypeError("Text goes in as text.");
    return text;
  },
});
