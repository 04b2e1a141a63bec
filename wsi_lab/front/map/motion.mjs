// How the view moves: by wheel, keys, buttons, and when it is told to. Every frame of it is an
// ordinary `move` of the map, so whatever follows the map (read-outs, linked viewers) follows too.

import { clampToSlide, toMap, toPixels, zoomOf, zoomToFit } from "./frame.mjs";

const SETTLE_MS = 70;
const NEAR_ENOUGH = 0.004;
const RELOAD_EVERY_MS = 250;
const WHEEL_PER_ZOOM = 220;
const ZOOM_BEYOND_PIXELS = 3;
const ZOOM_OUT_BEYOND_FIT = 1;

export class Motion {
  #target = null;
  #frame = null;
  #lastTime = 0;
  #lastReload = 0;
  #placed = null;
  #fitted = null;
  #box = null;

  constructor(map, slide) {
    this.map = map;
    this.slide = slide;
    this.still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  get isMoving() {
    return this.#frame !== null;
  }

  // The middle of the view in level-0 pixels. The map itself knows it only to half a pixel of the
  // screen, which is a hundred of the slide's at the smallest zoom.
  get middle() {
    return toPixels(this.#isAsPlaced ? this.#placed : this.map.getCenter());
  }

  // Whether the slide or a box is shown as it was fitted, so that another size of the view should
  // fit it anew.
  get isFitted() {
    if (this.#fitted === null) return false;
    return this.#fitted === this.#target || (this.#fitted === this.#placed && this.#isAsPlaced);
  }

  stop() {
    if (this.#frame === null) return;
    cancelAnimationFrame(this.#frame);
    this.map.getContainer().classList.remove("wsl-zooming");
    this.#frame = null;
    this.#target = null;
    this.#place(toMap(this.middle), this.map.getZoom(), true);
    this.map._moveEnd(true);
  }

  // Zooms by so many doublings about a point of the view (in pixels of the screen).
  zoomBy(amount, anchor = this.#middle()) {
    const from = this.#target?.zoom ?? this.map.getZoom();
    this.#zoomTo(from + amount, anchor);
  }

  // Zooms to the next whole zoom, where stored pixels are drawn one to one or halved.
  zoomStep(direction, anchor = this.#middle()) {
    const from = this.#target?.zoom ?? this.map.getZoom();
    const next = direction > 0 ? Math.floor(from + 1 + 1e-3) : Math.ceil(from - 1 - 1e-3);
    this.#zoomTo(next, anchor);
  }

  wheel(event, anchor) {
    const lines = event.deltaMode === 1 ? 20 : event.deltaMode === 2 ? 60 : 1;
    // Trackpads send a pinch as a wheel with the control key and small steps.
    const pinch = event.ctrlKey ? 4 : 1;
    const delta = -event.deltaY * lines * pinch;
    this.zoomBy(Math.max(-1, Math.min(1, delta / WHEEL_PER_ZOOM)), anchor);
  }

  panBy(x, y) {
    this.stop();
    this.map.panBy([x, y], { animate: !this.still, duration: 0.15 });
  }

  fit({ animate = true } = {}) {
    const { width, height } = this.slide;
    this.fitBox([0, 0, width, height], { animate });
  }

  // Shows a box of level-0 pixels, [x, y, width, height], as large as it goes.
  fitBox(box, { animate = true } = {}) {
    const [x, y, width, height] = box;
    const middle = { x: x + width / 2, y: y + height / 2 };
    this.goTo(middle, 2 ** -this.#zoomOf({ width, height }), { animate });
    this.#box = box;
    this.#fitted = this.isMoving ? this.#target : this.#placed;
  }

  // What was fitted last, to a view of another size.
  refit() {
    this.fitBox(this.#box, { animate: false });
  }

  fitZoom() {
    return this.#zoomOf(this.slide);
  }

  // Puts a point (level-0 pixels) into the middle, at so many level-0 pixels per pixel.
  goTo(point, downsample, { animate = true } = {}) {
    this.stop();
    const zoom = downsample === null ? this.map.getZoom() : this.#limited(zoomOf(downsample));
    const centre = toMap(point);
    if (!animate || this.still || this.#isFar(point)) this.jump(centre, zoom);
    else this.#run({ zoom, centre });
  }

  // Without animation, and without throwing away the tiles that are there.
  jump(centre, zoom) {
    this.map._stop();
    this.map._moveStart(true, false);
    this.#place(centre, zoom, true);
    this.map._moveEnd(true);
  }

  // One frame of somebody else's movement; `isLast` when it has come to rest.
  follow(centre, zoom, isLast) {
    this.#place(centre, this.#limited(zoom), isLast || this.#isTimeToReload(performance.now()));
    if (isLast) this.map._moveEnd(true);
  }

  // After the user let go: the middle of the view stays on the slide.
  comeBack() {
    if (this.isMoving) return;
    const here = this.middle;
    const there = clampToSlide(here, this.slide);
    if (Math.hypot(here.x - there.x, here.y - there.y) * 2 ** this.map.getZoom() > 1) {
      this.map.panTo(toMap(there), { animate: !this.still, duration: 0.2 });
    }
  }

  #zoomTo(zoom, anchor) {
    const limited = this.#limited(zoom);
    if (this.still) {
      const { x, y } = this.#centreKeeping(
        this.map.containerPointToLatLng(anchor),
        anchor,
        limited,
      );
      this.jump(toMap({ x, y }), limited);
      return;
    }
    const moves = this.#target !== null && this.#target.anchor;
    const kept = moves && samePoint(this.#target.anchor, anchor) ? this.#target.kept : null;
    this.#run({ zoom: limited, anchor, kept: kept ?? this.map.containerPointToLatLng(anchor) });
  }

  #run(target) {
    const { map } = this;
    this.#target = target;
    if (this.#frame !== null) return;
    map._stop();
    map._moveStart(true, false);
    map.getContainer().classList.add("wsl-zooming");
    this.#lastTime = performance.now();
    this.#lastReload = this.#lastTime;
    this.#frame = requestAnimationFrame((now) => this.#step(now));
  }

  #step(now) {
    const { map } = this;
    const target = this.#target;
    const share = 1 - Math.exp(-Math.max(1, now - this.#lastTime) / SETTLE_MS);
    this.#lastTime = now;
    const zoom = map.getZoom() + (target.zoom - map.getZoom()) * share;
    const centre = target.centre
      ? this.#centreTowards(target.centre, share)
      : toMap(this.#centreKeeping(target.kept, target.anchor, zoom));
    if (Math.abs(target.zoom - zoom) < NEAR_ENOUGH && this.#isThere(target.centre, centre, zoom)) {
      const isFit = this.#fitted === target;
      this.#frame = null;
      this.#target = null;
      const last =
        target.centre ?? toMap(this.#centreKeeping(target.kept, target.anchor, target.zoom));
      map.getContainer().classList.remove("wsl-zooming");
      this.#place(last, target.zoom, true);
      if (isFit) this.#fitted = this.#placed;
      map._moveEnd(true);
      return;
    }
    this.#place(centre, zoom, this.#isTimeToReload(now));
    this.#frame = requestAnimationFrame((next) => this.#step(next));
  }

  // What is on the way is fetched too, but not at every frame.
  #isTimeToReload(now) {
    if (now - this.#lastReload < RELOAD_EVERY_MS) return false;
    this.#lastReload = now;
    return true;
  }

  get #isAsPlaced() {
    const placed = this.#placed;
    const zoom = this.map.getZoom();
    if (placed?.zoom !== zoom) return false;
    const seen = this.map.getCenter();
    return Math.hypot(placed.lat - seen.lat, placed.lng - seen.lng) * 2 ** zoom < 1;
  }

  // As Leaflet's own pinch handler does it: frames marked `pinch` only move what is there, the
  // others also choose and fetch the tiles of the new zoom.
  #place(centre, zoom, isSettled) {
    const data = isSettled ? undefined : { pinch: true, round: false };
    const changes = zoom !== this.map.getZoom();
    this.#placed = { lat: centre.lat, lng: centre.lng, zoom };
    this.map._move(this.#latLng(centre), zoom, data);
    if (isSettled && !changes) this.map.fire("zoom");
  }

  // Leaflet keeps the centre it is given, so it must be one of its own points.
  #latLng({ lat, lng }) {
    return this.map.wrapLatLng([lat, lng]);
  }

  #centreTowards(goal, share) {
    const here = toMap(this.middle);
    return {
      lat: here.lat + (goal.lat - here.lat) * share,
      lng: here.lng + (goal.lng - here.lng) * share,
    };
  }

  #centreKeeping(latlng, anchor, zoom) {
    const { x, y } = this.map.getSize();
    const kept = toPixels(latlng);
    const downsample = 2 ** -zoom;
    return {
      x: kept.x - (anchor.x - x / 2) * downsample,
      y: kept.y - (anchor.y - y / 2) * downsample,
    };
  }

  #isThere(goal, centre, zoom) {
    if (!goal) return true;
    const scale = 2 ** zoom;
    return Math.hypot(goal.lat - centre.lat, goal.lng - centre.lng) * scale < 0.5;
  }

  // Flying over places that nobody asked to see only fetches their tiles.
  #isFar(point) {
    const { x, y } = this.map.getSize();
    const here = this.middle;
    const distance = Math.hypot(point.x - here.x, point.y - here.y) * 2 ** this.map.getZoom();
    return distance > 2 * Math.max(x, y);
  }

  #zoomOf(rectangle) {
    const { x, y } = this.map.getSize();
    return zoomToFit(rectangle, { width: x, height: y });
  }

  #limited(zoom) {
    const least = Math.min(this.fitZoom() - ZOOM_OUT_BEYOND_FIT, 0);
    return Math.min(ZOOM_BEYOND_PIXELS, Math.max(least, zoom));
  }

  #middle() {
    const { x, y } = this.map.getSize();
    return { x: x / 2, y: y / 2 };
  }
}

function samePoint(a, b) {
  return Math.hypot(a.x - b.x, a.y - b.y) < 2;
}
