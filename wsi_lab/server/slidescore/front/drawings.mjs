// Draws layers over the slide on a canvas that nothing can be pointed at in.

/* global OpenSeadragon */

import { element } from "../../../front/dom.mjs";
import { dotsIn, heatPixels, letterHeight, magnified, placed, wordsShown } from "./figures.mjs";

const DOT = 4.5;
const LINE = 2.5;
const HALO = "rgb(0 0 0 / 55%)";
const FILL_OPACITY = "30";

export class Drawings {
  #layers = [];
  #pointer = null;
  #frame = null;

  // `core`: the box of the core that the page was opened for, or `null`.
  constructor(viewer, width, core) {
    this.viewer = viewer;
    this.width = width;
    this.core = core;
    this.el = element("canvas", "drawings", { "aria-hidden": "true" });
    viewer.canvas.append(this.el);
    viewer.addHandler("update-viewport", () => this.draw());
  }

  // Layers come as the server tells them; each gets `isShown`.
  add(layers) {
    this.#layers.push(...layers.map((layer) => prepared(layer)));
    this.redraw();
  }

  show(index, isShown) {
    this.#layers[index].isShown = isShown;
    this.redraw();
  }

  point(pixel) {
    this.#pointer = pixel;
    if (this.#layers.some(({ words }) => words.some(({ always }) => !always))) this.redraw();
  }

  redraw() {
    this.#frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.#frame);
    this.#frame = null;
    const context = this.#cleared();
    const matrix = this.#matrix();
    for (const layer of this.#layers) if (layer.isShown) this.#drawLayer(context, matrix, layer);
    if (this.core) drawFrame(context, matrix, this.core);
  }

  #cleared() {
    const { clientWidth, clientHeight } = this.viewer.canvas;
    const density = OpenSeadragon.pixelDensityRatio;
    const [width, height] = [clientWidth, clientHeight].map((side) => Math.round(side * density));
    if (this.el.width !== width || this.el.height !== height) {
      Object.assign(this.el, { width, height });
    }
    const context = this.el.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    context.setTransform(density, 0, 0, density, 0, 0);
    return context;
  }

  #matrix() {
    const at = (x, y) => this.viewer.viewport.pixelFromPoint(new OpenSeadragon.Point(x, y), true);
    const [origin, right, down] = [at(0, 0), at(1, 0), at(0, 1)];
    const across = right.minus(origin).divide(this.width);
    const along = down.minus(origin).divide(this.width);
    return [across.x, across.y, along.x, along.y, origin.x, origin.y];
  }

  #drawLayer(context, matrix, layer) {
    for (const heat of layer.heats) drawHeat(context, matrix, heat);
    const [filled, lines] = [layer.filled, layer.lines].map((path) => onScreen(path, matrix));
    context.fillStyle = layer.colour + FILL_OPACITY;
    context.fill(filled, "evenodd");
    for (const path of [filled, lines]) strokeTwice(context, path, layer.colour);
    const { clientWidth: width, clientHeight: height } = this.viewer.canvas;
    drawDots(context, dotsIn(layer.points, matrix, { width, height }, DOT), layer.colour);
    const words = wordsShown(layer.words, this.#pointer, magnified(matrix));
    for (const each of words) write(context, matrix, each, layer.colour);
  }
}

function prepared(layer) {
  const [filled, lines] = [new Path2D(), new Path2D()];
  for (const { rings, closed } of layer.outlines) {
    for (const ring of rings) trace(closed ? filled : lines, ring, closed);
  }
  const heats = layer.heats.map((heat) => ({ ...heat, picture: heatPicture(heat, layer.colour) }));
  return { ...layer, filled, lines, heats, isShown: true };
}

function trace(path, places, isClosed) {
  path.moveTo(places[0], places[1]);
  for (let at = 2; at < places.length; at += 2) path.lineTo(places[at], places[at + 1]);
  if (isClosed) path.closePath();
}

function heatPicture({ columns, rows, values }, colour) {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: columns, height: rows });
  const pixels = new ImageData(heatPixels(values, colour), columns, rows);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

function onScreen(path, matrix) {
  const moved = new Path2D();
  moved.addPath(path, new DOMMatrix(matrix));
  return moved;
}

function drawHeat(context, matrix, { box, picture }) {
  context.save();
  context.transform(...matrix);
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, ...box);
  context.restore();
}

// Once dark and once in its colour, so that a line is seen on any tissue.
function strokeTwice(context, path, colour) {
  context.lineJoin = "round";
  for (const [style, width] of [
    [HALO, LINE + 2],
    [colour, LINE],
  ]) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.stroke(path);
  }
}

function drawDots(context, dots, colour) {
  const path = new Path2D();
  for (const [x, y] of dots) {
    path.moveTo(x + DOT, y);
    path.arc(x, y, DOT, 0, 2 * Math.PI);
  }
  context.strokeStyle = HALO;
  context.lineWidth = 2;
  context.stroke(path);
  context.fillStyle = colour;
  context.fill(path);
}

function write(context, matrix, { text, x, y, height }, colour) {
  const [left, base] = placed(matrix, x, y);
  context.font = `600 ${letterHeight(height, magnified(matrix))}px system-ui, sans-serif`;
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeStyle = "rgb(0 0 0 / 75%)";
  context.strokeText(text, left, base);
  context.fillStyle = colour;
  context.fillText(text, left, base);
}

function drawFrame(context, matrix, [x, y, width, height]) {
  const path = new Path2D();
  path.rect(x, y, width, height);
  const frame = onScreen(path, matrix);
  for (const [style, wide, dashes] of [
    ["rgb(0 0 0 / 70%)", 4, []],
    ["#ffffff", 2, [8, 6]],
  ]) {
    context.setLineDash(dashes);
    context.strokeStyle = style;
    context.lineWidth = wide;
    context.stroke(frame);
  }
  context.setLineDash([]);
}
